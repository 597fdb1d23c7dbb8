/*
 * What each step of the remote-free protocol does to a slot's word. The word is {chain, QUEUED};
 * c: blocks on the chain, n: blocks that come, q: QUEUED.
 *
 * One text for two readers: the Promela model (remote.pml) takes its steps from here, and
 * test_remote_model.c compares every one of them with what the allocator's own code does.
 */
#define PUBLISH_COUNT(c, n) ((c) + (n))
#define PUBLISH_QUEUED(q)   1
#define PUBLISH_PUSHES(q)   (!(q)) /* the sender that turns QUEUED on pushes the slot */

#define TAKE_COUNT(c)     0
#define TAKE_QUEUED(c, q) (q) /* the owner takes the chain early: QUEUED stays as it is */

#define DRAIN_COUNT(c)  0
#define DRAIN_QUEUED(q) 0 /* the owner takes it from the pending stack */

/* A slot all of whose blocks are free: may it leave its owner? */
#define MAY_RELEASE(q) (!(q))
