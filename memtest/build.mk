# The workload driver. A new file in memtest/ or in one of its folders is found here and in no other place; the Makefile
# links these objects once per allocator.
MEMTEST_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard memtest/*.c memtest/*/*.c))
MEMTEST_LIBS := -lm -lz # zlib reads the blocks of recorded traces
