#include "kernel_faults.h"

#include "support.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without brk: a failing one crashes glibc 2.36's own malloc (in sysmalloc), the reference here. */
static const int watched[] = {__NR_mmap,    __NR_munmap,          __NR_mremap,
                              __NR_madvise, __NR_process_madvise, __NR_mprotect};
enum { WATCHED = sizeof watched / sizeof *watched };

/* Installs the filter for this process; returns the descriptor on which a supervisor listens. */
static int filter_install(void) {
    struct sock_filter program[WATCHED + 3];
    size_t length = 0;
    program[length++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < WATCHED; i++) {
        program[length++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)watched[i], (unsigned char)(WATCHED - i), 0);
    }
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &filter);
}

union descriptor_message {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static struct msghdr message_with(union descriptor_message *control, struct iovec *byte) {
    return (struct msghdr){.msg_iov = byte,
                           .msg_iovlen = 1,
                           .msg_control = control->room,
                           .msg_controllen = sizeof control->room};
}

static void descriptor_send(int channel, int descriptor) {
    union descriptor_message control = {0};
    struct iovec byte = {.iov_base = "", .iov_len = 1};
    struct msghdr message = message_with(&control, &byte);
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &descriptor, sizeof descriptor);
    require(sendmsg(channel, &message, 0) == 1);
}

static int descriptor_receive(int channel) {
    union descriptor_message control = {0};
    char received = 0;
    struct iovec byte = {.iov_base = &received, .iov_len = 1};
    struct msghdr message = message_with(&control, &byte);
    int descriptor = -1;
    if (recvmsg(channel, &message, 0) == 1 && CMSG_FIRSTHDR(&message) != NULL) {
        memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    }
    return descriptor;
}

/* Decides on one call: true when it shall fail. */
static bool call_fails(struct fault_plan plan, int call, struct fault_report *report) {
    if (plan.call >= 0 && plan.call != call) {
        return false;
    }
    report->calls++;
    bool fails = report->calls >= plan.first && report->calls <= plan.last;
    report->failed += fails;
    return fails;
}

/* Answers the child's calls until it has gone: the listener then hangs up. */
static void supervise(int listener, struct fault_plan plan, struct fault_report *report) {
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    while (poll(&ready, 1, -1) > 0 && (ready.revents & POLLIN)) {
        struct seccomp_notif call = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
            continue; /* the caller was killed in between */
        }
        struct seccomp_notif_resp answer = {.id = call.id,
                                            .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        if (call_fails(plan, call.data.nr, report)) {
            answer.flags = 0;
            answer.error = -ENOMEM;
        }
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

static void supervised(int channel, void (*body)(void *), void *argument, unsigned seconds) {
    alarm(seconds);
    int listener = filter_install();
    if (listener < 0) {
        _exit(77);
    }
    descriptor_send(channel, listener);
    close(listener);
    close(channel);
    body(argument);
    _exit(0);
}

struct fault_report faults_run(struct fault_plan plan, void (*body)(void *), void *argument,
                               unsigned seconds) {
    struct fault_report report = {0};
    int channel[2];
    require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) == 0);
    pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        close(channel[0]);
        supervised(channel[1], body, argument, seconds);
    }
    close(channel[1]);
    int listener = descriptor_receive(channel[0]);
    close(channel[0]);
    if (listener >= 0) {
        supervise(listener, plan, &report);
        close(listener);
    }
    require(waitpid(child, &report.status, 0) == child);
    report.timed_out = WIFSIGNALED(report.status) && WTERMSIG(report.status) == SIGALRM;
    return report;
}

static void do_nothing(void *argument) {
    (void)argument;
}

bool faults_are_possible(void) {
    struct fault_plan none = {.call = -1};
    return faults_run(none, do_nothing, NULL, 5).status == 0;
}
