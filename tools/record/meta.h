/* The description of the recorded program in a trace. */
#pragma once
#include "raw.h"

/* The JSON text of a META chunk; free() it. Bytes of the command that are not ASCII appear as
 * \u00XX. */
char *meta_of(const struct raw_process *process);
