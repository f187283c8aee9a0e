/* check.h: broken invariants. CHECK is on in every build: what we do wrong disarms the card first,
 * then aborts. */
#ifndef HOST_BASE_CHECK_H
#define HOST_BASE_CHECK_H

/* CHECK aborts unless condition holds. One condition each, so that the message says which. */
#define CHECK(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

/* check_on_failure names what a failed CHECK calls before it aborts: whoever owns a card closes its
   gate there. One hook a process; NULL takes it back. The hook must not CHECK. */
void check_on_failure(void (*hook)(void *context), void *context);

_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function);

#endif /* HOST_BASE_CHECK_H */
