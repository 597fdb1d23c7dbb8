#include "workload.h"

#include <string.h>

static struct workload *first;

/* Sorted by name on the way in, so that the order of constructors does not show. */
void workload_register(struct workload *workload) {
    struct workload **place = &first;
    while (*place && strcmp((*place)->name, workload->name) < 0)
        place = &(*place)->next;
    workload->next = *place;
    *place = workload;
}

struct workload *workload_first(void) {
    return first;
}

struct workload *workload_find(const char *name) {
    struct workload *workload = first;
    while (workload && strcmp(workload->name, name) != 0)
        workload = workload->next;
    return workload;
}
