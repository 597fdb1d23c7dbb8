/* The threads of memtest. */
#pragma once
#include "worker.h"

enum { THREADS_MAX = 4096 };

/* pthread_create; without a new thread memtest exits with EXIT_USAGE. */
void thread_start(pthread_t *thread, void *(*body)(void *), void *argument);

/* Waits until every worker of the process has come here. */
void worker_barrier(struct worker *w);

/* Runs body(w) in a new thread and waits for its end. The thread starts and ends for real; the
 * worker with its counters, checksum and random numbers stays. */
void worker_in_new_thread(struct worker *w, void (*body)(struct worker *w));
