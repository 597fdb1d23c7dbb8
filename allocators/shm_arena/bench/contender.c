#include "contender.h"

static struct contender *contenders;

void contender_register(struct contender *contender) {
    struct contender **at = &contenders;
    while (*at && (*at)->place < contender->place)
        at = &(*at)->next;
    contender->next = *at;
    *at = contender;
}

struct contender *contender_first(void) {
    return contenders;
}
