/* Names of the interface: each function is slotmalloc_NAME, and NAME is the same function. */
#ifndef SLOTMALLOC_EXPORT_H
#define SLOTMALLOC_EXPORT_H

#define EXPORT __attribute__((visibility("default")))

/* Declares NAME as another name of slotmalloc_NAME. */
#define EXPORT_ALIAS(name)                                                                         \
    extern __typeof__(slotmalloc_##name) name __attribute__((alias("slotmalloc_" #name))) EXPORT

#endif
