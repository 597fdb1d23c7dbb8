/* The torture's own sandbox, as programs put up after their start. */
#ifndef TORTURE_SANDBOX_H
#define TORTURE_SANDBOX_H

/* From here on, of the memory calls only those that glibc's malloc makes are allowed, beside what
 * the torture itself needs for threads, children and its report. Any other call kills the process
 * with SIGSYS. */
void sandbox_enter(void);

#endif
