#include "../workload.h"

#include <math.h>

enum { AXES = 3 };

static const struct option_spec options[] = {
    ITERATIONS_OPTION("steps", "100k", "time steps of each thread in a round"),
    COUNT_OPTION("bodies", "256", "bodies of each thread"),
    COUNT_OPTION("partners", "8", "other bodies that attract a body in a step"),
    {.key = NULL},
};

struct system {
    struct block position[AXES], speed[AXES];
};

static size_t steps, bodies, partners;

static void setup(struct settings *settings) {
    steps = option_number(settings, "steps");
    bodies = option_number(settings, "bodies");
    partners = option_number(settings, "partners");
}

static struct block new_array(struct worker *w) {
    return worker_malloc(w, bodies * sizeof(double));
}

static struct system new_system(struct worker *w) {
    struct system s;
    for (int axis = 0; axis < AXES; axis++) {
        s.position[axis] = new_array(w);
        s.speed[axis] = new_array(w);
        double *position = s.position[axis].at, *speed = s.speed[axis].at;
        for (size_t i = 0; i < bodies; i++) {
            position[i] = rng_unit(&w->rng);
            speed[i] = 0;
        }
    }
    return s;
}

/* A temporary array, as array languages create them: `of` rotated by `shift`, minus `of`. */
static struct block difference(struct worker *w, struct block of, size_t shift) {
    struct block result = new_array(w);
    const double *in = of.at;
    double *out = result.at;
    size_t unwrapped = bodies - shift;
    for (size_t i = 0; i < unwrapped; i++)
        out[i] = in[i + shift] - in[i];
    for (size_t i = unwrapped; i < bodies; i++)
        out[i] = in[i - unwrapped] - in[i];
    return result;
}

/* The attraction of the body `shift` places on, softened so that it never divides by zero. */
static void attract(struct worker *w, struct system *s, size_t shift) {
    struct block distance[AXES], force = new_array(w);
    for (int axis = 0; axis < AXES; axis++)
        distance[axis] = difference(w, s->position[axis], shift);
    const double *x = distance[0].at, *y = distance[1].at, *z = distance[2].at;
    double *f = force.at;
    for (size_t i = 0; i < bodies; i++) {
        double square = x[i] * x[i] + y[i] * y[i] + z[i] * z[i] + 0.01;
        f[i] = 1e-6 / (square * sqrt(square));
    }
    for (int axis = 0; axis < AXES; axis++) {
        const double *d = distance[axis].at;
        double *speed = s->speed[axis].at;
        for (size_t i = 0; i < bodies; i++)
            speed[i] += f[i] * d[i];
        worker_free(w, distance[axis]);
    }
    worker_free(w, force);
}

static void move(const struct system *s) {
    for (int axis = 0; axis < AXES; axis++) {
        double *position = s->position[axis].at;
        const double *speed = s->speed[axis].at;
        for (size_t i = 0; i < bodies; i++)
            position[i] += speed[i];
    }
}

static void check_and_free(struct worker *w, struct system *s) {
    for (int axis = 0; axis < AXES; axis++) {
        const double *position = s->position[axis].at;
        for (size_t i = 0; i < bodies; i++)
            if (!isfinite(position[i]) || fabs(position[i]) > 1e3)
                worker_fault(w, "lost content: body %zu is at %g", i, position[i]);
        worker_free(w, s->position[axis]);
        worker_free(w, s->speed[axis]);
    }
}

static void round_once(struct worker *w) {
    struct system s = new_system(w);
    for (size_t step = 0; step < steps; step++) {
        for (size_t partner = 0; partner < partners; partner++)
            attract(w, &s, rng_between(&w->rng, 1, bodies));
        move(&s);
    }
    check_and_free(w, &s);
}

static struct workload nbody = {
    .name = "nbody",
    .summary = "Simulates gravity with array arithmetic that allocates a temporary array for each "
               "operation.",
    .source = "alloclab; the temporaries of NumPy-like numeric code.",
    .stresses =
        "Blocks of 2 KiB that live for a microsecond and are written completely: the cost of "
        "a malloc/free pair above the sizes that thread caches hold, and warm reuse.",
    .options = options,
    .smoke = "--steps 500",
    .catches = {CATCHES_LEAK},
    .payload = SIZE_MAX,
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(nbody);
