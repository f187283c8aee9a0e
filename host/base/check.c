#include "host/base/check.h"
#include <stdio.h>
#include <stdlib.h>

/* The hook is set once at start, before there is a second thread. */
static void (*failure_hook)(void *context);
static void *failure_context;

void check_on_failure(void (*hook)(void *context), void *context) {
    failure_hook = hook;
    failure_context = context;
}

_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function) {
    void (*hook)(void *context) = failure_hook;
    failure_hook = NULL;
    if (hook) hook(failure_context);
    fprintf(stderr, "%s:%d: %s: %s does not hold; the card is disarmed, this process stops\n", file,
            line, function, condition);
    abort();
}
