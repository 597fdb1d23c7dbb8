#include "api/init.h"

#include <stdlib.h>

#include "api/fork.h"
#include "api/slow_path.h"
#include "api/stats.h"
#include "base/classes.h"
#include "base/file.h"
#include "base/process.h"
#include "heap/cpu.h"
#include "heap/thread.h"
#include "memory/arena.h"
#include "memory/supply.h"
#include "memory/trace.h"

static bool init_locked(void) {
    file_init();
    options_init();
    trace_init();
    classes_init();
    if (arena_init() != OK)
        return false;
    supply_init();
    cpu_init();
    library_set_initialised();
    return true;
}

static void at_thread_end(void *unused) {
    (void)unused;
    slow_path_enter();
    thread_end();
    slow_path_leave();
}

static void at_exit(void) {
    slow_path_enter();
    stats_dump();
    slow_path_leave();
}

/* These may call malloc, which works by now. */
static void register_hooks(void) {
    thread_watch_ends(at_thread_end);
    fork_init();
    if (stats_init())
        (void)atexit(at_exit);
}

bool init_library(void) {
    if (!process_is_whole())
        fork_repair();
    lock_take(&library.lock);
    bool mine = !library_is_initialised();
    bool ready = !mine || init_locked();
    lock_give(&library.lock);
    if (mine && ready)
        register_hooks();
    return ready;
}

/* At load: descriptors and limits are as the program got them, and no sandbox is up yet. */
__attribute__((constructor)) static void start(void) {
    (void)init_library();
}
