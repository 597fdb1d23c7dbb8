#include "sandbox.h"

#include "../support.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const int allowed[] = {
    /* malloc */
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex,
    /* threads */
    SYS_clone, SYS_clone3, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_exit,
    SYS_restart_syscall,
    /* children */
    SYS_wait4, SYS_setitimer,
#ifdef SYS_alarm
    SYS_alarm,
#endif
    /* the report, and a clock that is not in the vDSO */
    SYS_write, SYS_fstat, SYS_newfstatat, SYS_clock_gettime, SYS_getpid, SYS_gettid, SYS_tgkill,
    SYS_rt_sigaction, SYS_exit_group};

enum { ALLOWED = sizeof allowed / sizeof *allowed };

void sandbox_enter(void) {
    struct sock_filter program[ALLOWED + 3];
    size_t length = 0;
    program[length++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ALLOWED; i++) {
        program[length++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], (unsigned char)(ALLOWED - i), 0);
    }
    program[length++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (unsigned)SECCOMP_RET_KILL_PROCESS);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}
