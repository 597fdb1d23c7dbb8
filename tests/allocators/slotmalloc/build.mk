# Tests of slotmalloc's layers, and builds of it under sanitizers, valgrind and for another machine.
#
# They link the allocator's objects with the plain names (malloc, operator new) renamed away, so that the rest of the
# program keeps its own malloc, and inner functions can be called.

ifneq ($(wildcard allocators/slotmalloc/build.mk),)

SLOT_TESTS    := tests/allocators/slotmalloc
SLOT_BIN      := $(BUILD)/tests/slotmalloc
SLOT_NAMES    := $(patsubst $(SLOT_TESTS)/%.c,%,$(wildcard $(SLOT_TESTS)/test_*.c))
SLOT_UNITS    := $(SLOT_NAMES:%=$(SLOT_BIN)/%)
SLOT_PREFIXED := $(BUILD)/obj/slotmalloc-prefixed.o
SLOT_SUPPORT  := $(BUILD)/obj/$(CONFORMANCE_DIR)/support.o
PROGRAM        = $(shell $(CC) -print-prog-name=$1)

# `make check-slotmalloc-aarch64` comes here again with CROSS=qemu-aarch64: a small cmocka stands in, and every test
# runs under the emulator.
CROSS        ?=
SLOT_CMOCKA  := $(if $(CROSS),,-lcmocka)
SLOT_INCLUDE := $(if $(CROSS),-I $(SLOT_TESTS)/cross)

C_TESTS += $(SLOT_UNITS)

$(SLOT_PREFIXED): $(SLOTMALLOC_PIC)
	echo "  LD    $@"; mkdir -p $(@D)
	$(CC) -r -nostdlib -o $@ $^
	$(call PROGRAM,nm) -g --defined-only $@ \
	  | awk '$$3 ~ /^(malloc.*|free.*|calloc|realloc|reallocarray|(posix_)?memalign|aligned_alloc|p?valloc|mallinfo2)$$|^_Z[nd]/ \
	    {print $$3, "other_" $$3}' > $@.names
	$(call PROGRAM,objcopy) --redefine-syms=$@.names $@

$(BUILD)/obj/$(SLOT_TESTS)/%.o: CFLAGS += $(SLOT_INCLUDE)
$(SLOT_BIN)/test_%: $(BUILD)/obj/$(SLOT_TESTS)/test_%.o $(SLOT_SUPPORT) $(SLOT_PREFIXED)
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(SLOT_CMOCKA) -ldl

# The conformance tests and the torture once more, with slotmalloc's own names for malloc and the others.
SLOT_CONFORMANCE := $(filter-out test_operators test_dlopen,$(CONFORMANCE_NAMES))
SLOT_SAME        := $(SLOT_CONFORMANCE:test_%=$(SLOT_BIN)/same_%)
SLOT_TORTURE     := $(SLOT_BIN)/torture
SLOT_SAME_OBJ    := $(BUILD)/obj/slotmalloc-same

$(SLOT_SAME_OBJ)/%.o: $(CONFORMANCE_DIR)/%.c $(SLOT_TESTS)/prefixed.h $(BUILD)/flags
	echo "  CC    $< (prefixed)"; mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SLOT_INCLUDE) -include $(SLOT_TESTS)/prefixed.h -c -o $@ $<
$(SLOT_BIN)/same_%: $(SLOT_SAME_OBJ)/test_%.o $(SLOT_SUPPORT) $(SLOT_PREFIXED)
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(SLOT_CMOCKA) -ldl
$(SLOT_BIN)/same_faults: $(BUILD)/obj/$(CONFORMANCE_DIR)/kernel_faults.o
$(SLOT_TORTURE): $(patsubst $(CONFORMANCE_DIR)/%.c,$(SLOT_SAME_OBJ)/%.o,$(wildcard $(CONFORMANCE_DIR)/torture/*.c)) \
                 $(SLOT_SUPPORT) $(SLOT_PREFIXED)
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -rdynamic -o $@ $^ -ldl

endif
