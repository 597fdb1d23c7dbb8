/* Writes JSON with stdio: the subset that memtest needs. */
#pragma once
#include <stdint.h>
#include <stdio.h>

/* A quoted, escaped string; NULL becomes null. Bytes outside of ASCII pass as they are (UTF-8). */
void json_string(FILE *out, const char *text);

/* `,"key":` - members after the first, as a comma precedes them. */
void json_key(FILE *out, const char *key);

void json_number(FILE *out, const char *key, uint64_t value);
void json_signed(FILE *out, const char *key, int64_t value);
void json_seconds(FILE *out, const char *key, double seconds);
void json_text(FILE *out, const char *key, const char *text);
