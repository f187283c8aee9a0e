/* err.h: why the last call on this thread failed, for a person to read. */
#ifndef HOST_BASE_ERR_H
#define HOST_BASE_ERR_H

/* err_set keeps a message for err_text and returns code, so that a failing call can say why and
   return in one line. A good message names the thing, the cause and the next step. */
int err_set(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* err_wrap puts a prefix before the message that is kept, and returns code: "day.journal: " before
 * "no space left". */
int err_wrap(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* err_text is the message last kept on this thread; valid until the next err_set. */
const char *err_text(void);

#endif /* HOST_BASE_ERR_H */
