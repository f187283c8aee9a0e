/* log: lines for the operator on standard error, each with the time in UTC. Never on the hot path.
 */
#ifndef HOST_BASE_LOG_H
#define HOST_BASE_LOG_H

/* log_line writes one line; the format has no newline. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* HOST_BASE_LOG_H */
