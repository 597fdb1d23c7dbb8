/*
 * The random differential tester: mixed operations over all entry points, from many threads,
 * against a shadow map. It runs on whatever malloc it is linked with or preloaded.
 *
 * Each lane holds a table of blocks and runs one thread after the other. A thread runs an episode
 * (a random phase of growing or shrinking, of many sizes or of one), exchanges blocks with a board
 * that all threads share, so that most blocks are freed by another thread, and ends; the next
 * thread continues with the lane's table.
 * With one thread a seed gives the same run again; with more, the same operations per lane.
 */
#include "../support.h"
#include "piece.h"
#include "sandbox.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LANES_MOST = 256, LANE_BLOCKS = 700, BOARD_PLACES = 1024, EPISODE_OPS = 20000 };

#define LARGEST ((size_t)1 << 30)

static struct options {
    uint64_t seed;
    uint64_t ops; /* for each lane */
    unsigned seconds;
    unsigned threads;
    size_t largest; /* of blocks and alignments, which are rarely so large */
    bool forks;
    bool sandbox;
} options = {.seed = 1, .ops = UINT64_MAX, .seconds = 10, .threads = 4, .largest = LARGEST};

struct lane {
    struct player player;
    struct piece blocks[LANE_BLOCKS];
    uint64_t done; /* operations so far */
    uint64_t episodes;
};

struct place {
    pthread_mutex_t lock;
    struct piece piece;
};

static struct lane lanes[LANES_MOST];
static struct place board[BOARD_PLACES];
static _Thread_local struct lane *current_lane;
static struct timespec deadline;

void torture_fail(const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    dprintf(STDERR_FILENO,
            "torture: %s\ntorture: lane %td, episode %" PRIu64 ", operation %" PRIu64
            "; replay with --seed %" PRIu64 " --threads %u%s --largest %zu --ops %" PRIu64 "\n",
            what, current_lane ? current_lane - lanes : -1,
            current_lane ? current_lane->episodes : 0, current_lane ? current_lane->done : 0,
            options.seed, options.threads, options.forks ? " --forks" : "", options.largest,
            current_lane ? current_lane->done + EPISODE_OPS : 0);
    abort();
}

/* What an episode is like; drawn anew for each. */
struct phase {
    size_t one_size;  /* not 0: only this size, so that slots of one class fill up and empty */
    unsigned keep;    /* blocks that the lane tends to hold */
    unsigned trading; /* of 256 operations, how many trade with the board */
};

static size_t mixed_size(uint64_t *random) {
    static const size_t limits[] = {128, 1024, 1024, 8192, 8192, 32768, 131072, (size_t)1 << 20};
    uint64_t word = random_next(random);
    if (word % 64 == 1) {
        return 0;
    }
    if (word % 8192 == 2) {
        return random_size(random, options.largest);
    }
    size_t limit = word % 512 == 0 ? (size_t)8 << 20 : limits[(word >> 16) % 8];
    return random_size(random, limit);
}

static struct phase phase_draw(uint64_t *random) {
    uint64_t word = random_next(random);
    struct phase phase = {.keep = (word >> 8) % LANE_BLOCKS, .trading = 8u << (word >> 32) % 5};
    if (word % 2) {
        phase.one_size = random_size(random, 100000);
    }
    return phase;
}

static void trade(struct lane *lane, struct piece *mine) {
    struct place *place = &board[random_next(&lane->player.random) % BOARD_PLACES];
    pthread_mutex_lock(&place->lock);
    struct piece taken = place->piece;
    place->piece = *mine;
    pthread_mutex_unlock(&place->lock);
    *mine = taken;
}

static void ask_for_information(struct player *player) {
    if (random_next(&player->random) % 8 == 0) {
        player->calls[ENTRY_malloc_trim]++;
        malloc_trim(0);
    }
    player->calls[ENTRY_mallinfo2]++;
    struct mallinfo2 info = mallinfo2();
    if (info.uordblks > (size_t)1 << 46) {
        torture_fail("mallinfo2 reports %zu bytes in use", info.uordblks);
    }
}

static void step(struct lane *lane, const struct phase *phase) {
    struct player *player = &lane->player;
    uint64_t word = random_next(&player->random);
    struct piece *piece = &lane->blocks[(word >> 32) % LANE_BLOCKS];
    bool grow = (word >> 16) % LANE_BLOCKS < phase->keep;
    size_t size = phase->one_size ? phase->one_size : mixed_size(&player->random);
    lane->done++;
    if (word % 256 < phase->trading) {
        trade(lane, piece);
    } else if (word % 16384 == 16383) {
        ask_for_information(player);
    } else if (piece->start == NULL) {
        *piece = grow ? piece_make(player, size) : *piece;
    } else if (word % 8 == 7 && piece->family == FAMILY_C) {
        piece_resize(player, piece, mixed_size(&player->random) + 1);
    } else if (word % 8 == 6) {
        piece_check(piece);
    } else {
        piece_free(player, piece);
        if (grow) {
            *piece = piece_make(player, size);
        }
    }
}

static void lane_clear(struct lane *lane) {
    for (size_t i = 0; i < LANE_BLOCKS; i++) {
        piece_free(&lane->player, &lane->blocks[i]);
    }
}

/* A child that goes on current_lane alone: the blocks of its lane are whole and its heap works. */
static void continue_as_child(struct lane *lane) {
    alarm(60);
    struct phase phase = phase_draw(&lane->player.random);
    lane_clear(lane);
    for (size_t i = 0; i < 500; i++) {
        step(lane, &(struct phase){.one_size = phase.one_size, .keep = LANE_BLOCKS});
    }
    _exit(0);
}

static void fork_and_wait(struct lane *lane) {
    pid_t child = fork();
    if (child == 0) {
        continue_as_child(lane);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        torture_fail("a forked child ended with status 0x%x", (unsigned)status);
    }
}

static bool time_is_over(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline.tv_sec ||
           (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec);
}

static void *episode(void *argument) {
    struct lane *lane = current_lane = argument;
    struct phase phase = phase_draw(&lane->player.random);
    uint64_t length = random_next(&lane->player.random) % EPISODE_OPS;
    if (options.forks && lane->episodes % 8 == 7) {
        fork_and_wait(lane);
    }
    for (uint64_t i = 0; i < length && lane->done < options.ops; i++) {
        step(lane, &phase);
        if (i % 1024 == 1023 && time_is_over()) {
            break;
        }
    }
    lane->episodes++;
    invariants_check();
    return NULL;
}

/* Runs one thread after the other on the lane; allocates nothing itself. */
static void *lane_run(void *argument) {
    struct lane *lane = argument;
    while (lane->done < options.ops && !time_is_over()) {
        pthread_t thread;
        require(pthread_create(&thread, NULL, episode, lane) == 0);
        require(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static void run_lanes(void) {
    pthread_t runners[LANES_MOST];
    for (size_t i = 0; i < options.threads; i++) {
        lanes[i].player.random = options.seed * 1000003 + i;
        lanes[i].player.largest = options.largest;
        require(pthread_create(&runners[i], NULL, lane_run, &lanes[i]) == 0);
    }
    for (size_t i = 0; i < options.threads; i++) {
        require(pthread_join(runners[i], NULL) == 0);
    }
    current_lane = &lanes[0];
    for (size_t i = 0; i < options.threads; i++) {
        lane_clear(&lanes[i]);
    }
    for (size_t i = 0; i < BOARD_PLACES; i++) {
        piece_free(&current_lane->player, &board[i].piece);
    }
}

static void report(double seconds) {
    uint64_t done = 0;
    uint64_t episodes = 0;
    uint64_t calls[ENTRY_COUNT] = {0};
    for (size_t i = 0; i < options.threads; i++) {
        done += lanes[i].done;
        episodes += lanes[i].episodes;
        for (size_t j = 0; j < ENTRY_COUNT; j++) {
            calls[j] += lanes[i].player.calls[j];
        }
    }
    printf("{\"seed\": %" PRIu64 ", \"threads\": %u, \"operations\": %" PRIu64
           ", \"episodes\": %" PRIu64 ", \"seconds\": %.1f, \"cpu_seconds\": %.1f, \"calls\": {",
           options.seed, options.threads, done, episodes, seconds,
           (double)clock() / CLOCKS_PER_SEC);
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", entry_names[i], calls[i]);
    }
    printf("}}\n");
}

static void usage(void) {
    fputs("usage: torture [--seed N] [--threads N] [--seconds N] [--ops N] [--forks] [--sandbox]\n"
          "  --ops counts for each thread and --seconds for the whole run; the first one ends it.\n"
          "  --sandbox: system calls that glibc's malloc does not make kill the run by SIGSYS.\n"
          "  A fault is told on standard error, with the seed, and ends the run by SIGABRT.\n",
          stderr);
    exit(2);
}

static void options_read(int count, char **arguments) {
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},    {"threads", required_argument, NULL, 't'},
        {"seconds", required_argument, NULL, 'd'}, {"ops", required_argument, NULL, 'o'},
        {"forks", no_argument, NULL, 'f'},         {"largest", required_argument, NULL, 'l'},

        {"sandbox", no_argument, NULL, 'b'},       {NULL, 0, NULL, 0}};
    for (int letter; (letter = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (letter) {
        case 's':
            options.seed = value;
            break;
        case 't':
            options.threads = (unsigned)value;
            break;
        case 'd':
            options.seconds = (unsigned)value;
            break;
        case 'l':
            options.largest = value;
            break;
        case 'o':
            options.ops = value;
            break;
        case 'f':
            options.forks = true;
            break;
        case 'b':
            options.sandbox = true;
            break;
        default:
            usage();
        }
    }
    if (optind != count || options.threads < 1 || options.threads > LANES_MOST) {
        usage();
    }
}

int main(int count, char **arguments) {
    options_read(count, arguments);
    if (provider_is_expected(NULL) != 0) {
        return 1;
    }
    entries_find();
    for (size_t i = 0; i < BOARD_PLACES; i++) {
        pthread_mutex_init(&board[i].lock, NULL);
    }
    if (options.sandbox) {
        sandbox_enter();
    }
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    deadline = (struct timespec){start.tv_sec + options.seconds, start.tv_nsec};
    run_lanes();
    clock_gettime(CLOCK_MONOTONIC, &end);
    report((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    return 0;
}
