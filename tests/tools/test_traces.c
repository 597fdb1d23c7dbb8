/* The trace code inside one process, for the sanitizers: the hash map, writer and reader, and a
 * replay with threads that hand objects to each other. */
#include "memtest/measure.h"
#include "memtest/options.h"
#include "memtest/trace/map.h"
#include "memtest/trace/reader.h"
#include "tests/memtest/cmocka_all.h"
#include "tools/record/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_map_agrees_with_an_array(void **state) {
    (void)state;
    enum { KEYS = 5000, STEPS = 200000 };
    static uint64_t expected[KEYS + 1]; /* 0: absent */
    struct map map = {0};
    struct rng rng = rng_seeded(7, 0);
    for (int i = 0; i < STEPS; i++) {
        uint64_t key = rng_between(&rng, 1, KEYS), value = rng_between(&rng, 1, 1000);
        struct map_entry taken;
        if (rng_below(&rng, 2)) {
            assert_true(map_put(&map, key, value, key));
            expected[key] = value;
        } else {
            assert_int_equal(map_take(&map, key, &taken), expected[key] != 0);
            if (expected[key])
                assert_int_equal(taken.a, expected[key]);
            expected[key] = 0;
        }
        struct map_entry *entry = map_get(&map, key);
        assert_int_equal(entry ? entry->a : 0, expected[key]);
    }
    map_release(&map);
}

enum { LANES = 4, EVENTS = 15000 };

/* Writes a trace in which threads free and resize each other's objects, with some that end and come
 * again under another name. */
static void write_random_trace(const char *path) {
    static uint64_t alive[EVENTS];
    size_t count = 0;
    uint32_t thread_of_lane[LANES] = {0, 1, 2, 3}, threads = LANES;
    struct trace_totals totals = {0};
    struct rng rng = rng_seeded(11, 0);
    struct trace_writer *writer = writer_open(AT_FDCWD, path, "{}");
    for (uint64_t number = 0; number < EVENTS; number++) {
        size_t lane = rng_below(&rng, LANES);
        uint32_t thread = thread_of_lane[lane];
        uint64_t size = rng_between(&rng, 1, 3000), draw = rng_below(&rng, 100);
        if (draw == 0 && lane > 0) {
            writer_event(writer, thread, TRACE_THREAD_END, 0, 0, 0);
            thread_of_lane[lane] = threads++;
        } else if (draw < 50 && count > 0) {
            size_t chosen = rng_below(&rng, count);
            uint64_t back = number - alive[chosen];
            totals.releases++;
            if (draw < 10) {
                alive[chosen] = writer_event(writer, thread, TRACE_REALLOC, size, 0, back);
                totals.acquires++;
            } else {
                writer_event(writer, thread, TRACE_FREE, 0, 0, back);
                alive[chosen] = alive[--count];
            }
        } else {
            alive[count++] =
                writer_event(writer, thread, draw < 90 ? TRACE_MALLOC : TRACE_ALIGNED, size, 6, 0);
            totals.acquires++;
        }
    }
    assert_true(writer_close(writer, &totals));
}

static void make_trace(char *path, size_t size) {
    snprintf(path, size, "%s/trace-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path); /* the writer wants to make it */
    write_random_trace(path);
}

static void what_was_written_is_read(void **state) {
    (void)state;
    char path[256];
    struct trace_error error;
    struct trace_event event;
    make_trace(path, sizeof path);
    for (int pass = 0; pass < 2; pass++) {
        struct trace_reader *reader = trace_open(path, &error);
        assert_non_null(reader);
        uint64_t read = 0;
        while (trace_next(reader, &event))
            assert_int_equal(event.number, read++);
        assert_false(trace_failed(reader));
        assert_int_equal(read, EVENTS);
        assert_int_equal(trace_totals(reader)->events, EVENTS);
        trace_close(reader);
    }
    unlink(path);
}

static uint64_t replay(char *path, char *order, char *window) {
    static struct settings settings;
    static struct measurement m;
    char *argv[] = {"memtest", "replay",   path,    "--order",  order, "--window",
                    window,    "--verify", "stamp", "--rounds", "2",   NULL};
    options_read(11, argv, &settings);
    measure(&m, &settings);
    assert_int_equal(m.settings->threads, LANES);
    assert_int_equal(m.end.totals.live, 0);
    return measurement_checksum(&m);
}

static void a_replay_with_threads_follows_the_trace(void **state) {
    (void)state;
    char path[256];
    make_trace(path, sizeof path);
    uint64_t checksum = replay(path, "objects", "65536");
    assert_int_equal(replay(path, "objects", "10"), checksum);
    assert_int_equal(replay(path, "total", "1"), checksum);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_agrees_with_an_array),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_replay_with_threads_follows_the_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
