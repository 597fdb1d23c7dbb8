/* As env, nice and timeout have them. */
#pragma once

enum {
    EXIT_USAGE = 2,
    EXIT_RECORDING = 125,  /* the recording failed or is incomplete */
    EXIT_CANNOT_RUN = 126, /* the program is there and cannot be executed */
    EXIT_NOT_FOUND = 127,
};
