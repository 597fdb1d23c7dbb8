#include "base/process.h"

#include "base/kernel.h"

struct process_page process_page;
bool process_is_child;

static bool watched;

void process_watch(void) {
    watched = kernel_page_size() <= PROCESS_PAGE &&
              kernel_wipe_on_fork(&process_page, sizeof process_page) == OK;
}

bool process_is_watched(void) {
    return watched;
}
