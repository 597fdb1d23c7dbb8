# The workload driver. Every C file in memtest/ and in its folders is part of it; the Makefile links these objects once
# per allocator.
MEMTEST_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard memtest/*.c memtest/*/*.c))
MEMTEST_LIBS := -lm -lz # zlib unpacks recorded traces

# A removed file changes no object. This list does change then, and the registry is compiled again, so that everything
# that contains it is linked again and a deleted workload disappears.
$(BUILD)/obj/memtest-objects: FORCE
	mkdir -p $(@D); echo '$(MEMTEST_OBJ)' | cmp -s - $@ || echo '$(MEMTEST_OBJ)' > $@
$(BUILD)/obj/memtest/workload.o: $(BUILD)/obj/memtest-objects

$(BUILD)/obj/memtest/help.o: CFLAGS += '-DALLOCLAB_VERSION="$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"'
$(BUILD)/obj/memtest/help.o: pyproject.toml
