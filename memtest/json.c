#include "json.h"

#include <inttypes.h>

void json_string(FILE *out, const char *text) {
    if (!text) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

void json_key(FILE *out, const char *key) {
    fprintf(out, ",\"%s\":", key);
}

void json_number(FILE *out, const char *key, uint64_t value) {
    json_key(out, key);
    fprintf(out, "%" PRIu64, value);
}

void json_signed(FILE *out, const char *key, int64_t value) {
    json_key(out, key);
    fprintf(out, "%" PRId64, value);
}

void json_seconds(FILE *out, const char *key, double seconds) {
    json_key(out, key);
    fprintf(out, "%.9f", seconds);
}

void json_text(FILE *out, const char *key, const char *text) {
    json_key(out, key);
    json_string(out, text);
}
