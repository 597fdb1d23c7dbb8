#include "heap/remote.h"

#include "base/classes.h"
#include "base/process.h"
#include "base/text.h"
#include "base/tuning.h"
#include "memory/slot.h"

static uint64_t word_of(const struct block *first, uint32_t number, uint32_t count) {
    uint64_t granule = ((uintptr_t)first - (uintptr_t)slot_address(number)) / GRANULE;
    return (granule + 1) | (uint64_t)count << REMOTE_COUNT_SHIFT;
}

static struct block *word_first(uint64_t word, uint32_t number) {
    uint64_t granule = word & REMOTE_FIELD_MASK;
    return granule ? (struct block *)(slot_address(number) + (granule - 1) * GRANULE) : NULL;
}

static uint32_t word_count(uint64_t word) {
    return (uint32_t)(word >> REMOTE_COUNT_SHIFT) & REMOTE_FIELD_MASK;
}

/* Puts a chain before what the slot's word holds; queues the slot when nobody has. */
static void publish(uint32_t number, struct block *head, struct block *tail, uint32_t count) {
    struct remote *remote = &arena.remote[number];
    unsigned class = ident_class(ident_read(number));
    /* relaxed: the value only becomes ours by the compare-and-swap below */
    uint64_t old = atomic_load_explicit(&remote->word, memory_order_relaxed), new;
    do {
        if (unlikely(class >= CLASS_COUNT || word_count(old) + count > classes[class].capacity))
            die("remote count out of bounds: double free of", head);
        tail->next = word_first(old, number);
        new = word_of(head, number, word_count(old) + count) | REMOTE_QUEUED;
        /* release: pairs with the acquire in remote_take and remote_drain, which read the chain.
         * acquire: pairs with the release in remote_drain; whoever turns QUEUED on again writes the
         * link that the drainer read before it turned it off. */
    } while (!atomic_compare_exchange_weak_explicit(&remote->word, &old, new, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (!(old & REMOTE_QUEUED))
        remote_queue(number);
}

void remote_queue(uint32_t number) {
    struct heap *owner = ident_owner(ident_read(number));
    struct remote *remote = &arena.remote[number];
    /* relaxed: validated by the compare-and-swap */
    uint32_t head = atomic_load_explicit(&owner->pending, memory_order_relaxed);
    do {
        remote->pending_next = head;
        /* release: pairs with the acquire in remote_take_pending, which reads pending_next */
    } while (!atomic_compare_exchange_weak_explicit(&owner->pending, &head, number,
                                                    memory_order_release, memory_order_relaxed));
}

uint32_t remote_take_pending(struct heap *heap) {
    if (atomic_load_explicit(&heap->pending, memory_order_relaxed) == 0) /* relaxed: a hint */
        return 0;
    /* acquire: pairs with the release in remote_queue */
    return atomic_exchange_explicit(&heap->pending, 0, memory_order_acquire);
}

struct block *remote_take(uint32_t number, uint32_t *count) {
    struct remote *remote = &arena.remote[number];
    uint64_t word = atomic_load_explicit(&remote->word, memory_order_relaxed); /* relaxed: a hint */
    if (word_count(word) == 0)
        return NULL;
    /* acquire: pairs with the release in publish. QUEUED cannot go off meanwhile: only the owner,
     * the caller, turns it off, and a chain is never published without it. */
    word = atomic_exchange_explicit(&remote->word, REMOTE_QUEUED, memory_order_acquire);
    *count = word_count(word);
    return word_first(word, number);
}

struct block *remote_drain(uint32_t number, uint32_t *count) {
    /* acquire: pairs with the release in publish; release: with the acquire there */
    uint64_t word = atomic_exchange_explicit(&arena.remote[number].word, 0, memory_order_acq_rel);
    *count = word_count(word);
    return word_first(word, number);
}

void remote_free_now(struct block *block, uint32_t number) {
    publish(number, block, block, 1);
}

static void send(struct heap *heap, struct sender *sender) {
    const struct sender sent = *sender;
    unsigned class = ident_class(ident_read(sent.slot));
    sender->slot = 0;
    process_step(); /* a forked child must not find the chain here and on the slot */
    publish(sent.slot, sent.head, sent.tail, sent.count);
    heap->counters.remote_batches++;
    heap->counters.remote_blocks += sent.count;
    heap->sender_bytes -= sent.count * classes[class].size;
}

/* Sends the oldest entries until 1/SEND_SHARE of the limit is free: no free pays for all of them.
 */
static void send_some(struct heap *heap) {
    while (heap->sender_bytes > SENDER_LIMIT_BYTES - SENDER_LIMIT_BYTES / SEND_SHARE) {
        struct sender *sender = &heap->sender[heap->sender_next++ % SENDER_ENTRIES];
        if (sender->slot != 0)
            send(heap, sender);
    }
}

void remote_flush(struct heap *heap) {
    if (heap->sender_bytes == 0)
        return;
    for (unsigned i = 0; i < SENDER_ENTRIES; i++)
        if (heap->sender[i].slot != 0)
            send(heap, &heap->sender[i]);
}

void remote_recount(struct heap *heap) {
    heap->sender_bytes = 0;
    for (unsigned i = 0; i < SENDER_ENTRIES; i++) {
        struct sender *sender = &heap->sender[i];
        if (sender->slot == 0)
            continue;
        sender->tail = sender->head;
        for (sender->count = 1; sender->tail->next != NULL; sender->count++)
            sender->tail = sender->tail->next;
        heap->sender_bytes += sender->count * classes[ident_class(ident_read(sender->slot))].size;
    }
}

void remote_forget_pending(struct heap *heap) {
    if (heap->undrained != 0) /* a write would copy the page */
        heap->undrained = 0;
    /* relaxed: nobody else pushes yet */
    if (atomic_load_explicit(&heap->pending, memory_order_relaxed) != 0)
        atomic_store_explicit(&heap->pending, 0, memory_order_relaxed);
}

void remote_free(struct heap *heap, struct block *block, uint32_t number, uint32_t size) {
    struct sender *sender = &heap->sender[number % SENDER_ENTRIES];
    if (sender->slot != number) {
        if (sender->slot != 0)
            send(heap, sender);
        block->next = NULL;
        sender->head = sender->tail = block;
        sender->count = 1;
        process_step(); /* an entry is valid once it has a slot */
        sender->slot = number;
    } else {
        if (unlikely(sender->head == block))
            die("double free of", block);
        block->next = sender->head;
        process_set_head(&sender->head, block);
        sender->count++;
    }
    heap->sender_bytes += size;
    if (unlikely(heap->sender_bytes >= SENDER_LIMIT_BYTES))
        send_some(heap);
}
