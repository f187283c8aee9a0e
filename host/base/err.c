#include "host/base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char text[512];

int err_set(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return code;
}

int err_wrap(int code, const char *format, ...) {
    char whole[sizeof text];
    va_list args;
    va_start(args, format);
    int prefix = vsnprintf(whole, sizeof whole, format, args);
    va_end(args);
    if (prefix < 0 || (size_t)prefix >= sizeof whole) return code;
    (void)snprintf(whole + prefix, sizeof whole - (size_t)prefix, "%s", text);
    memcpy(text, whole, sizeof text);
    return code;
}

const char *err_text(void) { return text; }
