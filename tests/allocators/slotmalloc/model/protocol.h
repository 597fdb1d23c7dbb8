/*
 * What each step of the remote-free protocol does to a slot's word. The word is {chain, QUEUED};
 * c: blocks on the chain, n: blocks that come, q: QUEUED.
 *
 * One text for two readers: the Promela model (remote.pml) takes its steps from here, and
 * test_remote_model.c compares every one of them with what the allocator's own code does.
 */
#define PUBLISH_COUNT(c, n) ((c) + (n))
#define PUBLISH_QUEUED      1
#define PUBLISH_PUSHES(q)   (!(q)) /* the sender that turns QUEUED on pushes the slot */

/* The owner takes the chain early: QUEUED stays as it is. */
#define TAKE_COUNT     0
#define TAKE_QUEUED(q) (q)

/* The owner has the slot from its pending stack: QUEUED goes off. */
#define DRAIN_COUNT  0
#define DRAIN_QUEUED 0

/* A slot all of whose blocks are free: may it leave its owner? */
#define MAY_RELEASE(q) (!(q))
