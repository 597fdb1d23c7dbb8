/* The mapping of a pool into this process's address space. */
#pragma once
#include <stdint.h>

/* Maps a file: at `fixed_base`, or where that is 0 at any multiple of DATA_ALIGNMENT. */
int mapping_create(uint64_t bytes, int fd, uint64_t fixed_base, unsigned char **base);

/* A random address for a pool that all processes map at the same one. */
uint64_t mapping_choose_base(void);

/* Binds memory to a NUMA node. */
int mapping_bind(unsigned char *data, uint64_t bytes, int node);

/* Asks for transparent huge pages: 1 if the system allows them for shared memory, or 0. */
int mapping_advise_huge(unsigned char *data, uint64_t bytes);
