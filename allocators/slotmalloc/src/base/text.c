#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define LINE_BYTES 256

static void text_add_char(struct text *text, char c) {
    text->wanted++;
    text->last = c;
    if (text->at < text->end)
        *text->at++ = c;
}

void text_add(struct text *text, const char *string) {
    for (; *string != '\0'; string++)
        text_add_char(text, *string);
}

static void add_in_base(struct text *text, uint64_t value, unsigned base) {
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0)
        text_add_char(text, digits[--count]);
}

void text_add_number(struct text *text, uint64_t value) {
    add_in_base(text, value, 10);
}

void text_add_hex(struct text *text, uint64_t value) {
    text_add(text, "0x");
    add_in_base(text, value, 16);
}

static void write_line_to(const struct file *file, struct text *line, char *buffer) {
    text_add(line, "\n");
    file_write(file, buffer, (size_t)(line->at - buffer));
}

static void write_line(struct text *line, char *buffer) {
    write_line_to(&file_stderr, line, buffer);
}

void die(const char *what, const void *address) {
    char buffer[LINE_BYTES];
    struct text line = text_in(buffer, sizeof buffer);
    text_add(&line, "slotmalloc: ");
    text_add(&line, what);
    text_add(&line, " (");
    text_add_hex(&line, (uintptr_t)address);
    text_add(&line, ")");
    write_line(&line, buffer);
    abort();
}

static void two_words_to(const struct file *file, const char *what, const char *detail) {
    char buffer[LINE_BYTES];
    struct text line = text_in(buffer, sizeof buffer);
    text_add(&line, "slotmalloc: ");
    text_add(&line, what);
    text_add(&line, " ");
    text_add(&line, detail);
    write_line_to(file, &line, buffer);
}

void warn(const char *what, const char *detail) {
    two_words_to(&file_stderr, what, detail);
}

void tell(const char *what, const char *detail) {
    struct file file = file_of_stderr();
    two_words_to(&file, what, detail);
}

void warn_of_file(const char *what, const char *path, const char *reason) {
    char buffer[FILE_PATH_BYTES + LINE_BYTES];
    struct text line = text_in(buffer, sizeof buffer);
    text_add(&line, "slotmalloc: ");
    text_add(&line, what);
    text_add(&line, " ");
    text_add(&line, path);
    text_add(&line, ": ");
    text_add(&line, reason);
    write_line(&line, buffer);
}
