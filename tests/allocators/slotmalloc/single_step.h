/* The trap flag of x86-64: while it is set, each instruction raises SIGTRAP. */
#ifndef ALLOCLAB_TESTS_SINGLE_STEP_H
#define ALLOCLAB_TESTS_SINGLE_STEP_H

#include <stdbool.h>

/* Where the program's own instructions begin and end. */
extern const char __executable_start, etext;

static void trap_on(void) {
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq;"
                     "lea 128(%%rsp), %%rsp" ::
                         : "cc", "memory");
}

static void trap_off(void) {
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andl $~0x100, (%%rsp); popfq;"
                     "lea 128(%%rsp), %%rsp" ::
                         : "cc", "memory");
}

static bool stepping;

/* Evaluates a call, each instruction of which traps while an operation is stepped through. */
#define STEPPED(call)                                                                              \
    (__extension__({                                                                               \
        if (stepping)                                                                              \
            trap_on();                                                                             \
        __typeof__(call) result_ = (call);                                                         \
        if (stepping)                                                                              \
            trap_off();                                                                            \
        result_;                                                                                   \
    }))

#endif
