/* The ledger: a small file of a recording, mapped shared by alloc-record and by every recorded
 * process, in which the processes note what could not be recorded. The recorder does not print
 * inside the program, whose descriptor 2 may be a data file. alloc-record allocates the file on
 * disk before the program starts, so writing to it cannot fail.
 *
 * A process notes an execution before it happens; the recorder of the new image removes the note. A
 * note that stays is that of a program that was not recorded, for example because it is static or
 * set-user-id. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    LEDGER_NOTES = 256,   /* failures that are stored; more are only counted */
    LEDGER_EXECS = 512,   /* executions whose note is not removed (yet) */
    LEDGER_IMAGES = 1024, /* a ring: the pids of the latest images */
    LEDGER_NAME_BYTES = 32,
    LEDGER_PATH_BYTES = 200,
};

static const uint64_t LEDGER_MAGIC = 0x31306c7274616cu; /* "latrl01" */

/* What failed, and its message. */
#define LEDGER_PLACES(PLACE)                                                                       \
    PLACE(LEDGER_CREATE, "could not create its file in the directory of the recording")            \
    PLACE(LEDGER_LIMIT, "its limit on file sizes (ulimit -f) or on address space (ulimit -v) "     \
                        "leaves no room for its recording")                                        \
    PLACE(LEDGER_MAP, "could not map its file")                                                    \
    PLACE(LEDGER_DISK, "the disk that holds the recording is full, or its quota is used up; "      \
                       "events are lost from there on")                                            \
    PLACE(LEDGER_SPAN, "its recording has reached the limit on file sizes (ulimit -f) or an "      \
                       "eighth of that on address space (ulimit -v); events are lost from there "  \
                       "on")                                                                       \
    PLACE(LEDGER_NAMESPACE, "opened a library in a namespace of its own (dlmopen), whose "         \
                            "allocations are not recorded")                                        \
    PLACE(LEDGER_OWN_MALLOC, "defines its own malloc, which is called without the recorder")       \
    PLACE(LEDGER_KERNEL, "the kernel has no MADV_WIPEONFORK (Linux 4.14)")

#define LEDGER_NAME_OF_PLACE(name, text) name,
enum ledger_place { LEDGER_PLACES(LEDGER_NAME_OF_PLACE) LEDGER_PLACE_COUNT };
#undef LEDGER_NAME_OF_PLACE

/* Identifies a process at the time of its note. */
struct ledger_who {
    uint32_t pid; /* in its own namespace */
    uint32_t uid;
    uint64_t root_device, root_inode; /* of its root directory */
};

struct ledger_note {
    _Atomic uint32_t is_written;
    uint32_t place;
    int32_t error; /* errno, or 0 */
    struct ledger_who who;
    char name[LEDGER_NAME_BYTES]; /* of the program */
};

struct ledger_exec {
    struct ledger_who who;
    uint64_t order;             /* a later execution has a greater one */
    uint32_t lacks_environment; /* LD_PRELOAD or ALLOC_RECORD_DIR is not passed on */
    char path[LEDGER_PATH_BYTES];
};

struct ledger {
    uint64_t magic;
    struct ledger_who recorder;
    char link_directory[64]; /* alloc-record's temporary folder for a link to librecord.so; or "" */
    _Atomic int32_t launch_error;    /* errno with which the program could not be executed */
    _Atomic uint32_t images;         /* images that have begun a raw file */
    _Atomic uint32_t notes;          /* failures, also those beyond LEDGER_NOTES */
    _Atomic uint32_t unlisted_execs; /* executions for which no entry was free */
    _Atomic uint64_t exec_order;
    _Atomic uint32_t image_pids[LEDGER_IMAGES]; /* of image number I at I % LEDGER_IMAGES */
    _Atomic uint32_t exec_pids[LEDGER_EXECS];   /* 0: the entry is free */
    struct ledger_exec execs[LEDGER_EXECS];
    struct ledger_note all_notes[LEDGER_NOTES];
};

static inline struct ledger_who ledger_whoami(uint32_t pid, uint32_t uid) {
    struct stat root;
    struct ledger_who who = {.pid = pid, .uid = uid};
    if (stat("/", &root) == 0) {
        who.root_device = root.st_dev;
        who.root_inode = root.st_ino;
    }
    return who;
}
