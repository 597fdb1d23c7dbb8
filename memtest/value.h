/* The text of one option's value, understood and checked against its description. */
#pragma once
#include "options.h"

/* Parses `text` as `spec` demands into `value`. On failure returns false and writes one sentence,
 * which names the option, the text and what would be right, into `complaint`. */
bool value_parse(const struct option_spec *spec, const char *text, struct option_value *value,
                 char *complaint, size_t complaint_bytes);
