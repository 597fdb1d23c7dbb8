#include "usage.h"

#include "exit_codes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("memtest: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_USAGE);
}
