#include "../workload.h"

#include <string.h>

static const struct option_spec options[] = {
    ITERATIONS_OPTION("lines", "3M", "lines that each thread reads and splits in a round"),
    COUNT_OPTION("kept", "20k", "words that stay in the dictionary; a new one replaces an old one"),
    {.key = NULL},
};

enum { WORDS_PER_LINE = 8, LONGEST_WORD = 24, FIRST_BUFFER = 16 };

static size_t lines, kept;

static void setup(struct settings *settings) {
    lines = option_number(settings, "lines");
    kept = option_number(settings, "kept");
}

/* Appends a random word and a space; the buffer doubles when it is full. Returns the new length. */
static size_t append_word(struct worker *w, struct block *line, size_t length) {
    size_t word = rng_between(&w->rng, 1, LONGEST_WORD);
    if (length + word + 1 > block_size(*line))
        *line = worker_realloc(w, *line, 2 * block_size(*line) + word);
    char *at = line->at;
    memset(at + length, 'a' + (int)(word % 26), word);
    at[length + word] = ' ';
    return length + word + 1;
}

/* Copies a word into the dictionary, where it replaces another one. */
static void keep_word(struct worker *w, struct block *dictionary, const char *word, size_t length) {
    struct block copy = worker_malloc(w, length + 1);
    memcpy(copy.at, word, length);
    ((char *)copy.at)[length] = '\0';
    struct block *entry = entry_to_replace(w, dictionary, kept);
    *entry = copy;
}

static void read_line(struct worker *w, struct block *dictionary) {
    struct block line = worker_malloc(w, FIRST_BUFFER);
    size_t length = 0;
    for (int i = 0; i < WORDS_PER_LINE; i++)
        length = append_word(w, &line, length);
    const char *at = line.at, *end = at + length;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        keep_word(w, dictionary, at, (size_t)(space - at));
        at = space + 1;
    }
    worker_free(w, line);
}

static void round_once(struct worker *w) {
    for (size_t i = 0; i < lines; i++)
        read_line(w, w->entries);
}

static struct workload strings = {
    .name = "strings",
    .summary = "Reads lines into a buffer that grows by doubling, and copies their words into a "
               "dictionary.",
    .source = "alloclab; what text-processing programs do.",
    .stresses = "Very small blocks of many sizes, and realloc of small blocks.",
    .options = options,
    .smoke = "--lines 30k --kept 500",
    .catches = {CATCHES_LEAK},
    .payload = SIZE_MAX,
    .setup = setup,
    .entries = &kept,
    .round = round_once,
    .drain = drain_entries,
};
REGISTER_WORKLOAD(strings);
