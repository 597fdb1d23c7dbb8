/* Parses the value of one option and checks it against the description. */
#pragma once
#include "option.h"

#include <stddef.h>

/* Parses `text` as `spec` demands into `value`. On failure returns false and writes one sentence
 * into `complaint`: the option, the text and what would be valid. */
bool value_parse(const struct option_spec *spec, const char *text, struct option_value *value,
                 char *complaint, size_t complaint_bytes);
