/* Hooks for the crash tests: in their build each atomic step calls a function that may kill the
 * process, and another may say that the system has no memory left. Otherwise they are nothing. */
#pragma once
#include <stdbool.h>

#ifdef SHM_ARENA_CRASH_POINTS
extern void (*shm_crash_point)(void);
extern bool (*shm_no_space)(void);
#    define CRASH_POINT()   ((void)(shm_crash_point ? shm_crash_point() : (void)0))
#    define NO_SPACE_HERE() (shm_no_space && shm_no_space())
#else
#    define CRASH_POINT()   ((void)0)
#    define NO_SPACE_HERE() false
#endif
