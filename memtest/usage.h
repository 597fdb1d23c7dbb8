/* One way to refuse a command line. */
#pragma once

/* Prints "memtest: " and one sentence (printf style) to stderr, and exits with EXIT_USAGE. */
__attribute__((format(printf, 1, 2), noreturn)) void usage_error(const char *format, ...);
