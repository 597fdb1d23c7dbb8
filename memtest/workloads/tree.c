#include "../workload.h"

/* A node: the blocks of its children and a key that the walk checks. */
struct node {
    struct block left, right;
    uint64_t key;
};

static const struct option_spec options[] = {
    ITERATIONS_OPTION("trees", "4000",
                      "short-lived trees that each thread builds, walks and frees in a round"),
    {.key = "depth",
     .type = OPTION_COUNT,
     .fallback = "14",
     .min = 1,
     .max = 26,
     .help = "depth of a short-lived tree"},
    {.key = "long_depth",
     .type = OPTION_COUNT,
     .fallback = "18",
     .min = 1,
     .max = 26,
     .help = "depth of the tree that lives for the whole round"},
    {.key = NULL},
};

static size_t trees, depth, long_depth;

static void setup(struct settings *settings) {
    trees = option_number(settings, "trees");
    depth = option_number(settings, "depth");
    long_depth = option_number(settings, "long_depth");
}

static struct block build(struct worker *w, size_t levels, uint64_t key) {
    struct block b = worker_malloc(w, sizeof(struct node));
    struct node *node = b.at;
    *node = (struct node){.key = key};
    if (levels > 1) {
        node->left = build(w, levels - 1, 2 * key);
        node->right = build(w, levels - 1, 2 * key + 1);
    }
    return b;
}

static void check(struct worker *w, struct block b, uint64_t key) {
    const struct node *node = b.at;
    if (!node)
        return;
    if (node->key != key)
        worker_fault(w, "lost content: a tree's node %llu holds %llu", (unsigned long long)key,
                     (unsigned long long)node->key);
    check(w, node->left, 2 * key);
    check(w, node->right, 2 * key + 1);
}

static void free_tree(struct worker *w, struct block b) {
    const struct node *node = b.at;
    if (!node)
        return;
    free_tree(w, node->left);
    free_tree(w, node->right);
    worker_free(w, b);
}

static void round_once(struct worker *w) {
    struct block long_lived = build(w, long_depth, 1);
    for (size_t i = 0; i < trees; i++) {
        struct block tree = build(w, depth, 1);
        check(w, tree, 1);
        free_tree(w, tree);
    }
    check(w, long_lived, 1);
    free_tree(w, long_lived);
}

static struct workload tree = {
    .name = "tree",
    .summary = "Builds, walks and frees binary trees of small nodes beside a long-lived one.",
    .source =
        "GCBench of Ellis, Kovac and Boehm; binary-trees of the Computer Language Benchmarks Game.",
    .stresses = "Many blocks of one small size, and their locality: a walk reads every node.",
    .options = options,
    .smoke = "--trees 60 --long_depth 8 --depth 10",
    .catches = {CATCHES_LEAK},
    .payload = sizeof(struct node),
    .setup = setup,
    .round = round_once,
};
REGISTER_WORKLOAD(tree);
