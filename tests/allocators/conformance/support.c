#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void require_failed(const char *condition, const char *file, int line) {
    dprintf(STDERR_FILENO, "%s:%d: not so: %s\n", file, line, condition);
    abort();
}

static uint64_t pattern_word(uint64_t stamp, size_t index) {
    return (stamp ^ index) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Whole words by copies of a fixed size, which compile to single loads and stores: most of a test's
 * time goes here. */
void pattern_fill(void *block, size_t bytes, uint64_t stamp) {
    char *cursor = block;
    size_t offset = 0;
    for (; offset + sizeof(uint64_t) <= bytes; offset += sizeof(uint64_t)) {
        uint64_t word = pattern_word(stamp, offset);
        memcpy(cursor + offset, &word, sizeof word);
    }
    uint64_t last = pattern_word(stamp, offset);
    memcpy(cursor + offset, &last, bytes - offset);
}

bool pattern_holds(const void *block, size_t bytes, uint64_t stamp) {
    const char *cursor = block;
    size_t offset = 0;
    for (; offset + sizeof(uint64_t) <= bytes; offset += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, cursor + offset, sizeof word);
        if (word != pattern_word(stamp, offset)) {
            return false;
        }
    }
    uint64_t last = pattern_word(stamp, offset);
    return memcmp(cursor + offset, &last, bytes - offset) == 0;
}

bool is_filled_with(const void *block, size_t bytes, unsigned char value) {
    const unsigned char *cursor = block;
    return bytes == 0 || (*cursor == value && memcmp(cursor, cursor + 1, bytes - 1) == 0);
}

uint64_t random_next(uint64_t *state) {
    uint64_t word = *state += UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

size_t random_size(uint64_t *state, size_t limit) {
    uint64_t word = random_next(state);
    unsigned bits = 64 - (unsigned)__builtin_clzll(limit | 1);
    size_t ceiling = (size_t)1 << (1 + (word >> 32) % bits);
    size_t size = (word & 0xFFFFFFFF) % ceiling;
    return size <= limit ? size : limit;
}

static void child_body(void (*body)(void *), void *argument, unsigned seconds, int write_end) {
    dup2(write_end, STDERR_FILENO);
    close(write_end);
    alarm(seconds);
    body(argument);
    _exit(0);
}

static void read_text(int read_end, char *text) {
    size_t length = 0;
    char overflow[256];
    for (;;) {
        size_t room = CHILD_TEXT_BYTES - 1 - length;
        ssize_t got =
            read(read_end, room ? text + length : overflow, room ? room : sizeof overflow);
        if (got <= 0) {
            break;
        }
        length += room ? (size_t)got : 0;
    }
    text[length] = '\0';
}

struct outcome child_run(void (*body)(void *), void *argument, unsigned seconds) {
    struct outcome outcome = {.exit_code = -1};
    int ends[2];
    require(pipe(ends) == 0);
    pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        close(ends[0]);
        child_body(body, argument, seconds, ends[1]);
    }
    close(ends[1]);
    read_text(ends[0], outcome.text);
    close(ends[0]);
    int status = 0;
    require(waitpid(child, &status, 0) == child);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    outcome.timed_out = outcome.signal == SIGALRM;
    return outcome;
}

bool child_succeeds(void (*body)(void *), void *argument, unsigned seconds) {
    struct outcome outcome = child_run(body, argument, seconds);
    bool fine = outcome.exit_code == 0;
    if (!fine) {
        dprintf(STDERR_FILENO, "the child ended with %s %d%s: %s\n",
                outcome.signal ? "signal" : "status",
                outcome.signal ? outcome.signal : outcome.exit_code,
                outcome.timed_out ? " (time-out)" : "", outcome.text);
    }
    return fine;
}

size_t resident_bytes(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#endif
    FILE *file = fopen("/proc/self/statm", "r");
    require(file != NULL);
    size_t total = 0;
    size_t resident = 0;
    require(fscanf(file, "%zu %zu", &total, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

int provider_is_expected(void **state) {
    (void)state;
    const char *expected = getenv("EXPECT_MALLOC_FROM");
    if (expected == NULL) {
        return 0;
    }
    Dl_info place = {0};
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    if (symbol != NULL && dladdr(symbol, &place) != 0 && strstr(place.dli_fname, expected)) {
        return 0;
    }
    dprintf(STDERR_FILENO, "malloc comes from %s, not from %s\n",
            place.dli_fname ? place.dli_fname : "an unknown place", expected);
    return -1;
}
