#define _GNU_SOURCE
#include "meta.h"

#include "memory.h"

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

static void put_command(FILE *out, const struct raw_process *process) {
    const char *separator = "[\"";
    for (uint32_t i = 0; i < process->command_bytes && i < RAW_COMMAND_BYTES; i++) {
        fputs(separator, out);
        separator = "";
        if (process->command[i])
            put_char(out, (unsigned char)process->command[i]);
        else
            separator = "\",\"";
    }
    fputs(process->command_bytes ? "\"]" : "[]", out);
}

char *meta_of(const struct raw_process *process) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        memory_is_exhausted();
    fputs("{\"command\":", out);
    put_command(out, process);
    fprintf(out, ",\"pid\":%u,\"parent_pid\":%u,\"forked\":%s", process->pid, process->parent_pid,
            process->parent ? "true" : "false");
    fprintf(out, ",\"started_unix_ns\":%" PRIu64 ",\"allocator\":", process->started_ns);
    put_string(out, process->allocator);
    fputs("}", out);
    fclose(out);
    return text;
}
