#include "../clock.h"
#include "../workload.h"

#include <math.h>
#include <time.h>

static const struct option_spec options[] = {
    ITERATIONS_OPTION("requests", "2500k", "requests that each thread serves in a round"),
    {.key = "rate",
     .type = OPTION_REAL,
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help = "requests per second that arrive at each thread at random (Poisson), whether or not "
             "it keeps up; 0: a request arrives when the last one is served"},
    COUNT_OPTION("sessions", "10k",
                 "live sessions of each thread; a request replaces one of them at random"),
    COUNT_OPTION("fields", "12", "small objects that parsing a request allocates"),
    BYTES_OPTION("response", "16K", "largest response; its buffer grows by doubling"),
    {.key = NULL},
};

enum { READ_BUFFER = 4096, FIRST_RESPONSE = 512, FIELDS_MAX = 1024 };
static const uint64_t SLEEP_FROM_NS = 200 * 1000; /* longer waits sleep, shorter ones spin */

struct server {
    struct block *session;
    struct rng arrivals; /* its own stream: the rate must not change the operations */
    double next_ns;      /* intended arrival of the next request */
};

static size_t requests, sessions, fields, response_bytes;
static uint64_t seed;
static double rate;

static void setup(struct settings *settings) {
    requests = option_number(settings, "requests");
    sessions = option_number(settings, "sessions");
    fields = option_number(settings, "fields");
    response_bytes = option_number(settings, "response");
    rate = option_real(settings, "rate");
    seed = settings->seed;
    if (fields > FIELDS_MAX)
        usage_error("--fields %zu is more than %d", fields, FIELDS_MAX);
}

static void prepare(struct worker *w) {
    struct server *server = own_memory(sizeof *server);
    server->session = entries_new(sessions);
    server->arrivals = rng_seeded(seed, 0x10000u + w->index);
    w->state = server;
}

static struct block respond(struct worker *w) {
    size_t length = rng_between(&w->rng, 64, response_bytes);
    struct block response = worker_malloc(w, FIRST_RESPONSE);
    while (block_size(response) < length)
        response = worker_realloc(w, response, 2 * block_size(response));
    return response;
}

static void serve(struct worker *w, struct server *server) {
    struct block field[FIELDS_MAX], request = worker_malloc(w, READ_BUFFER);
    for (size_t i = 0; i < fields; i++)
        field[i] = worker_malloc(w, rng_between(&w->rng, 8, 128));
    struct block *session = entry_to_replace(w, server->session, sessions);
    *session = worker_malloc(w, rng_between(&w->rng, 128, 2048));
    struct block response = respond(w);
    for (size_t i = 0; i < fields; i++)
        worker_free(w, field[i]);
    worker_free(w, response);
    worker_free(w, request);
}

/* Exponential gaps make Poisson arrivals. Returns the intended time of arrival. */
static uint64_t wait_for_arrival(struct server *server) {
    uint64_t now = clock_monotonic_ns();
    if (rate == 0)
        return now;
    server->next_ns += -log(1 - rng_unit(&server->arrivals)) * 1e9 / rate;
    uint64_t intended = (uint64_t)server->next_ns;
    while ((now = clock_monotonic_ns()) < intended) {
        if (intended - now > SLEEP_FROM_NS) {
            uint64_t nap = intended - now - SLEEP_FROM_NS / 2;
            nanosleep(&(struct timespec){(time_t)(nap / 1000000000), (long)(nap % 1000000000)},
                      NULL);
        }
    }
    return intended;
}

static void round_once(struct worker *w) {
    struct server *server = w->state;
    server->next_ns = (double)clock_monotonic_ns();
    for (size_t i = 0; i < requests; i++) {
        uint64_t intended = wait_for_arrival(server);
        serve(w, server);
        worker_request_done(w, clock_monotonic_ns() - intended);
    }
}

static void drain(struct worker *w) {
    struct server *server = w->state;
    entries_free(w, server->session, sessions);
}

static struct workload server = {
    .name = "server",
    .summary = "Serves requests that read, parse into small objects, replace a session and build a "
               "response.",
    .source = "alloclab; open loop as in Schroeder, Wierman and Harchol-Balter, Open Versus Closed "
              "(NSDI 2006).",
    .stresses = "Tail latency: with --rate a slow allocator call delays all requests that queue "
                "behind it, as --latency shows.",
    .options = options,
    .smoke = "--requests 2000 --sessions 100",
    .catches = {CATCHES_LEAK, CATCHES_COPYING_REALLOC("--requests 2500")},
    .setup = setup,
    .prepare = prepare,
    .round = round_once,
    .drain = drain,
};
REGISTER_WORKLOAD(server);
