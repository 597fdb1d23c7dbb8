#include "threads.h"

#include "exit_codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void thread_start(pthread_t *thread, void *(*body)(void *), void *argument) {
    int error = pthread_create(thread, NULL, body, argument);
    if (error) {
        fprintf(stderr, "memtest: a thread cannot be created: %s\n", strerror(error));
        exit(EXIT_USAGE);
    }
}

void worker_barrier(struct worker *w) {
    pthread_barrier_wait(w->barrier);
}

struct thread_body {
    struct worker *worker;
    void (*body)(struct worker *w);
};

static void *run_body(void *argument) {
    const struct thread_body *thread = argument;
    thread->body(thread->worker);
    return NULL;
}

void worker_in_new_thread(struct worker *w, void (*body)(struct worker *w)) {
    struct thread_body argument = {w, body};
    pthread_t thread;
    thread_start(&thread, run_body, &argument);
    pthread_join(thread, NULL);
}
