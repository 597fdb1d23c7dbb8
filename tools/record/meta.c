#define _GNU_SOURCE
#include "meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void put_char(FILE *out, unsigned char byte) {
    if (byte < 0x20 || byte >= 0x7f)
        fprintf(out, "\\u%04x", byte);
    else
        fprintf(out, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
}

static void put_string(FILE *out, const char *text) {
    fputc('"', out);
    while (*text)
        put_char(out, (unsigned char)*text++);
    fputc('"', out);
}

static void put_command(FILE *out, const struct raw_header *header) {
    const char *separator = "[\"";
    for (uint32_t i = 0; i < header->command_bytes && i < RAW_COMMAND_BYTES; i++) {
        fputs(separator, out);
        separator = "";
        if (header->command[i])
            put_char(out, (unsigned char)header->command[i]);
        else
            separator = "\",\"";
    }
    fputs(header->command_bytes ? "\"]" : "[]", out);
}

char *meta_of(const struct raw_header *header) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        exit(1);
    fputs("{\"command\":", out);
    put_command(out, header);
    fprintf(out, ",\"pid\":%u,\"parent_pid\":%u,\"forked\":%s", header->pid, header->parent_pid,
            header->parent[0] ? "true" : "false");
    fprintf(out, ",\"started_unix_ns\":%" PRIu64 ",\"allocator\":", header->started_ns);
    put_string(out, header->allocator);
    fputs("}", out);
    fclose(out);
    return text;
}
