#include "host/base/log.h"
#include "host/base/clock.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

void log_line(const char *format, ...) {
    uint64_t now_ns = clock_wall_ns();
    time_t seconds = (time_t)(now_ns / UINT64_C(1000000000));
    struct tm utc;
    char text[1024], stamp[32] = "";
    if (gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "%s.%03uZ %s\n", stamp, (unsigned)(now_ns / 1000000 % 1000), text);
}
