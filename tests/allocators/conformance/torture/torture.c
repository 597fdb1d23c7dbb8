/*
 * The random differential tester: mixed operations over all entry points, from many threads,
 * against a shadow map. It runs on whatever malloc it is linked with or preloaded.
 *
 * Each seat holds a table of blocks. Threads come, play an episode on a seat (a random phase of
 * growing or shrinking, of many sizes or of one), trade blocks with a board that all share, so
 * that most blocks are freed by another thread, and go; the next thread inherits the seat.
 * With one thread a seed gives the same run again; with more, the same operations per seat.
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

enum { SEATS_MOST = 256, SEAT_BLOCKS = 700, BOARD_PLACES = 1024, EPISODE_OPS = 20000 };

#define LARGEST ((size_t)1 << 30)

static struct options {
    uint64_t seed;
    uint64_t ops; /* for each seat */
    unsigned seconds;
    unsigned threads;
    size_t largest; /* of blocks and alignments, which are rarely so large */
    bool forks;
    bool sandbox;
} options = {.seed = 1, .ops = UINT64_MAX, .seconds = 10, .threads = 4, .largest = LARGEST};

struct seat {
    struct player player;
    struct piece blocks[SEAT_BLOCKS];
    uint64_t done; /* operations so far */
    uint64_t episodes;
};

struct place {
    pthread_mutex_t lock;
    struct piece piece;
};

static struct seat seats[SEATS_MOST];
static struct place board[BOARD_PLACES];
static _Thread_local struct seat *playing;
static struct timespec deadline;

void torture_fail(const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    dprintf(STDERR_FILENO,
            "torture: %s\ntorture: seat %td, episode %" PRIu64 ", operation %" PRIu64
            "; replay with --seed %" PRIu64 " --threads %u%s --largest %zu --ops %" PRIu64 "\n",
            what, playing ? playing - seats : -1, playing ? playing->episodes : 0,
            playing ? playing->done : 0, options.seed, options.threads,
            options.forks ? " --forks" : "", options.largest,
            playing ? playing->done + EPISODE_OPS : 0);
    abort();
}

/* What an episode is like; drawn anew for each. */
struct mood {
    size_t one_size;  /* not 0: only this size, so that slots of one class fill up and empty */
    unsigned keep;    /* blocks that the seat tends to hold */
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

static struct mood mood_draw(uint64_t *random) {
    uint64_t word = random_next(random);
    struct mood mood = {.keep = (word >> 8) % SEAT_BLOCKS, .trading = 8u << (word >> 32) % 5};
    if (word % 2) {
        mood.one_size = random_size(random, 100000);
    }
    return mood;
}

static void trade(struct seat *seat, struct piece *mine) {
    struct place *place = &board[random_next(&seat->player.random) % BOARD_PLACES];
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

static void step(struct seat *seat, const struct mood *mood) {
    struct player *player = &seat->player;
    uint64_t word = random_next(&player->random);
    struct piece *piece = &seat->blocks[(word >> 32) % SEAT_BLOCKS];
    bool grow = (word >> 16) % SEAT_BLOCKS < mood->keep;
    size_t size = mood->one_size ? mood->one_size : mixed_size(&player->random);
    seat->done++;
    if (word % 256 < mood->trading) {
        trade(seat, piece);
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

static void seat_clear(struct seat *seat) {
    for (size_t i = 0; i < SEAT_BLOCKS; i++) {
        piece_free(&seat->player, &seat->blocks[i]);
    }
}

/* A child that goes on playing alone: the blocks of its seat are whole and its heap works. */
static void play_as_child(struct seat *seat) {
    alarm(60);
    struct mood mood = mood_draw(&seat->player.random);
    seat_clear(seat);
    for (size_t i = 0; i < 500; i++) {
        step(seat, &(struct mood){.one_size = mood.one_size, .keep = SEAT_BLOCKS});
    }
    _exit(0);
}

static void fork_and_wait(struct seat *seat) {
    pid_t child = fork();
    if (child == 0) {
        play_as_child(seat);
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
    struct seat *seat = playing = argument;
    struct mood mood = mood_draw(&seat->player.random);
    uint64_t length = random_next(&seat->player.random) % EPISODE_OPS;
    if (options.forks && seat->episodes % 8 == 7) {
        fork_and_wait(seat);
    }
    for (uint64_t i = 0; i < length && seat->done < options.ops; i++) {
        step(seat, &mood);
        if (i % 1024 == 1023 && time_is_over()) {
            break;
        }
    }
    seat->episodes++;
    invariants_check();
    return NULL;
}

/* Sends one thread after the other to the seat; allocates nothing itself. */
static void *seat_run(void *argument) {
    struct seat *seat = argument;
    while (seat->done < options.ops && !time_is_over()) {
        pthread_t thread;
        require(pthread_create(&thread, NULL, episode, seat) == 0);
        require(pthread_join(thread, NULL) == 0);
    }
    return NULL;
}

static void play(void) {
    pthread_t runners[SEATS_MOST];
    for (size_t i = 0; i < options.threads; i++) {
        seats[i].player.random = options.seed * 1000003 + i;
        seats[i].player.largest = options.largest;
        require(pthread_create(&runners[i], NULL, seat_run, &seats[i]) == 0);
    }
    for (size_t i = 0; i < options.threads; i++) {
        require(pthread_join(runners[i], NULL) == 0);
    }
    playing = &seats[0];
    for (size_t i = 0; i < options.threads; i++) {
        seat_clear(&seats[i]);
    }
    for (size_t i = 0; i < BOARD_PLACES; i++) {
        piece_free(&playing->player, &board[i].piece);
    }
}

static void report(double seconds) {
    uint64_t done = 0;
    uint64_t episodes = 0;
    uint64_t calls[ENTRY_COUNT] = {0};
    for (size_t i = 0; i < options.threads; i++) {
        done += seats[i].done;
        episodes += seats[i].episodes;
        for (size_t j = 0; j < ENTRY_COUNT; j++) {
            calls[j] += seats[i].player.calls[j];
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
    if (optind != count || options.threads < 1 || options.threads > SEATS_MOST) {
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
    play();
    clock_gettime(CLOCK_MONOTONIC, &end);
    report((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    return 0;
}
