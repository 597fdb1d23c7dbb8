#include "shm_arena.h"

const char *shm_arena_error_text(int error) {
    static const char *const texts[] = {
#define TEXT(name, text) text,
        SHM_ARENA_ERRORS(TEXT)
#undef TEXT
    };
    return error >= 0 && (size_t)error < sizeof texts / sizeof *texts ? texts[error]
                                                                      : "an unknown error code";
}
