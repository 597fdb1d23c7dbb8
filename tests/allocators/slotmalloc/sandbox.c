/*
 * Preloaded beside slotmalloc into any program: kills the process when slotmalloc's own code makes
 * a system call that glibc's malloc would not make. What the program and libc call is their own
 * business: the filter looks at the address of the instruction that calls.
 */
#include <dlfcn.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int allowed[] = {SYS_mmap,    SYS_munmap, SYS_mremap, SYS_mprotect,
                              SYS_madvise, SYS_brk,    SYS_futex};
enum { ALLOWED = sizeof allowed / sizeof *allowed, TO_ALLOW = ALLOWED + 2 };

struct code {
    const void *library; /* where it is loaded */
    uint64_t start, end; /* of its instructions */
};

static int find_code(struct dl_phdr_info *info, size_t size, void *argument) {
    (void)size;
    struct code *code = argument;
    if ((uintptr_t)code->library != info->dlpi_addr) {
        return 0;
    }
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
            code->start = info->dlpi_addr + part->p_vaddr;
            code->end = code->start + part->p_memsz;
        }
    }
    return 1;
}

static void give_up(const char *why) {
    ssize_t written = write(STDERR_FILENO, why, strlen(why));
    _exit(written > 0 ? 98 : 99);
}

#define LOAD(offset) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define JUMP(test, value, yes, no)                                                                 \
    ((struct sock_filter)BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no)))

static void watch(struct code code) {
    const unsigned at = offsetof(struct seccomp_data, instruction_pointer);
    struct sock_filter program[ALLOWED + 8];
    unsigned char n = 0;
    if (code.start >> 32 != (code.end - 1) >> 32) {
        give_up("sandbox: the code lies across 4 GiB; run again\n");
    }
    program[n++] = LOAD(at + 4);
    program[n++] = JUMP(BPF_JEQ, (unsigned)(code.start >> 32), 0, TO_ALLOW + 3);
    program[n++] = LOAD(at);
    program[n++] = JUMP(BPF_JGE, (unsigned)code.start, 0, TO_ALLOW + 1);
    program[n++] = JUMP(BPF_JGT, (unsigned)(code.end - 1), TO_ALLOW, 0);
    program[n++] = LOAD(offsetof(struct seccomp_data, nr));
    for (unsigned char i = 0; i < ALLOWED; i++) {
        program[n++] = JUMP(BPF_JEQ, (unsigned)allowed[i], (unsigned char)(ALLOWED - i), 0);
    }
    program[n++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (unsigned)SECCOMP_RET_KILL_PROCESS);
    program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = n, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        give_up("sandbox: no seccomp filters here\n");
    }
}

__attribute__((constructor)) static void enter(void) {
    Dl_info provider = {0};
    void *volatile block = malloc(100); /* by now slotmalloc has started */
    free(block);
    void *known = dlsym(RTLD_DEFAULT, "slotmalloc_malloc");
    if (known == NULL || dladdr(known, &provider) == 0) {
        give_up("sandbox: slotmalloc is not there\n");
    }
    struct code code = {.library = provider.dli_fbase};
    dl_iterate_phdr(find_code, &code);
    watch(code);
}
