/*
 * Makes chosen kernel memory calls of a process fail.
 *
 * The process runs under a seccomp filter that hands mmap, munmap, mremap, madvise, process_madvise
 * and mprotect to a supervisor, which either lets a call go on or has it return ENOMEM. So every
 * way into the kernel is covered, that of libc as well as a bare syscall instruction, in every
 * thread.
 */
#ifndef CONFORMANCE_KERNEL_FAULTS_H
#define CONFORMANCE_KERNEL_FAULTS_H

#include <stdbool.h>

struct fault_plan {
    int call;            /* the __NR_ of the only call that fails, or -1 for all of them */
    unsigned long first; /* the n-th call to count, from 1, fails */
    unsigned long last;  /* and so do all up to and including this one */
};

struct fault_report {
    unsigned long calls; /* calls that the plan's `call` counts */
    unsigned long failed;
    bool timed_out;
    int status; /* as from waitpid */
};

/* True where this kernel and sandbox let a process supervise another one. */
bool faults_are_possible(void);

/* Runs body(argument) in a child under `plan`, for at most `seconds`. */
struct fault_report faults_run(struct fault_plan plan, void (*body)(void *), void *argument,
                               unsigned seconds);

#endif
