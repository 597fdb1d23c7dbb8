/* Exit codes, as env, nice and timeout use them. */
#pragma once

enum {
    EXIT_USAGE = 2,
    EXIT_RECORDING = 125,  /* the recording failed or is incomplete */
    EXIT_CANNOT_RUN = 126, /* the program exists and cannot be executed */
    EXIT_NOT_FOUND = 127,
};
