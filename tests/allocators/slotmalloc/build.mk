# Tests of slotmalloc's layers, and builds of it under sanitizers, valgrind and for another machine.
#
# They link the allocator's objects with the plain names (malloc, operator new) renamed away, so that the rest of the
# program keeps its own malloc, and inner functions can be called. Nothing starts the library at load there: a test
# sets options, or makes kernel calls fail, before it does.

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
SLOT_INCLUDE := -iquote allocators/slotmalloc/src $(if $(CROSS),-I $(SLOT_TESTS)/cross)

C_TESTS += $(SLOT_UNITS)

$(SLOT_PREFIXED): $(filter-out %/deepbind.o,$(SLOTMALLOC_PIC))
	echo "  LD    $@"; mkdir -p $(@D)
	$(CC) -r -nostdlib -o $@ $^
	$(call PROGRAM,nm) -g --defined-only $@ \
	  | awk '$$3 ~ /^(malloc.*|free.*|calloc|realloc|reallocarray|(posix_)?memalign|aligned_alloc|p?valloc|mallinfo2?|mallopt|cfree)$$|^__libc_|^_Z[nd]/ \
	    {print $$3, "other_" $$3}' > $@.names
	$(call PROGRAM,objcopy) --redefine-syms=$@.names -R .init_array -R .rela.init_array $@

$(BUILD)/obj/$(SLOT_TESTS)/%.o: CFLAGS += $(SLOT_INCLUDE)
$(SLOT_BIN)/test_slots: $(BUILD)/obj/$(CONFORMANCE_DIR)/torture/shadow.o
$(SLOT_BIN)/test_%: $(BUILD)/obj/$(SLOT_TESTS)/test_%.o $(SLOT_SUPPORT) $(SLOT_PREFIXED)
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(SLOT_CMOCKA) -ldl

# The conformance tests and the torture once more, with slotmalloc's own names for malloc and the others.
SLOT_CONFORMANCE := $(filter-out test_operators test_dlopen test_libc_names,$(CONFORMANCE_NAMES))
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

# Watches the system calls of slotmalloc's own code in any program: test_programs.py, test_sandbox.py.
ALL += $(SLOT_BIN)/libsandbox.so
$(SLOT_BIN)/libsandbox.so: $(BUILD)/pic/$(SLOT_TESTS)/sandbox.o
	@mkdir -p $(@D)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -o $@ $< -ldl

# Kernel calls that fail, from the reservation of the arena on: there the first allocation is the tested child's.
# With other options it makes other calls.
$(SLOT_SAME_OBJ)/test_faults.o: CFLAGS += -DLATE_START
SLOT_FAULT_OPTIONS := thp=always purge_delay=0 reserve=64m,purge_delay=0 huge_arena=on,prefault=8m
check-slotmalloc-faults: $(SLOT_BIN)/same_faults
	@for options in $(SLOT_FAULT_OPTIONS); do \
	  SLOTMALLOC=$$options timeout 180 $< > $(BUILD)/log.faults 2>&1 && echo "ok      $< with $$options" \
	  || { cat $(BUILD)/log.faults; echo "FAILED  $< with $$options"; exit 1; }; done

# Some conformance tests and the torture with other options, and in the debug build, which checks every invariant.
SLOT_OPTIONS := purge_delay=0 check=full share=off reserve=64g,thp=always pool=cpu pool=cpu,check=full,purge_delay=0
check-slotmalloc-options: $(SLOT_TORTURE) $(SLOT_BIN)/same_zero $(SLOT_BIN)/same_realloc $(SLOT_BIN)/same_threads $(SLOT_BIN)/same_fork \
                          $(SLOT_BIN)/test_fork_steps $(BUILD)/libslotmalloc-debug.so $(TORTURE)
	@for options in $(SLOT_OPTIONS); do \
	  for test in "$(SLOT_TORTURE) --seconds 3 --forks --seed 2" $(SLOT_BIN)/same_zero $(SLOT_BIN)/same_realloc \
	            $(SLOT_BIN)/same_threads $(SLOT_BIN)/same_fork; do \
	    SLOTMALLOC=$$options timeout 300 $$test > $(BUILD)/log.options 2>&1 && echo "ok      $$test with $$options" \
	    || { cat $(BUILD)/log.options; echo "FAILED  $$test with $$options"; exit 1; }; \
	  done; \
	done
	@for test in "pool=cpu $(SLOT_BIN)/test_fork_steps --samples 5" \
	           "check=full $(SLOT_BIN)/test_fork_steps --samples 40 --only 48"; do \
	  env SLOTMALLOC=$$test > $(BUILD)/log.options 2>&1 && echo "ok      $$test" \
	  || { cat $(BUILD)/log.options; echo "FAILED  $$test"; exit 1; }; done
	@LD_PRELOAD=$(BUILD)/libslotmalloc-debug.so EXPECT_MALLOC_FROM=libslotmalloc-debug.so \
	  timeout 120 $(TORTURE) --seconds 5 --forks --seed 4 > /dev/null && echo "ok      torture of the debug build"

# Under the sanitizers. Not there: faults, limits and growth, which a sanitizer's own memory does not survive, and test_fork, whose
# children use the sanitizer's own malloc and start threads: neither sanitizer follows that. The torture's children do not,
# and so fork among threads is watched there.
SLOT_SANE  := sizes zero realloc errors alignment information threads
ASAN_TESTS += $(filter-out %/test_growth,$(SLOT_UNITS)) $(SLOT_SANE:%=$(SLOT_BIN)/same_%)
TSAN_TESTS += $(filter-out %/test_hardening %/test_growth,$(SLOT_UNITS)) $(SLOT_BIN)/same_threads $(SLOT_BIN)/same_zero
SLOT_TORTURE_SECONDS ?= 10

slotmalloc-torture: $(SLOT_TORTURE)
	for pool in thread cpu; do SLOTMALLOC=pool=$$pool timeout 120 $(SLOT_TORTURE) --threads 4 --forks --seconds $(SLOT_TORTURE_SECONDS) || exit 1; done
run-asan run-tsan: slotmalloc-torture
slotmalloc-asan: $(patsubst %,run/%,$(filter $(SLOT_BIN)/%,$(ASAN_TESTS)))
slotmalloc-tsan: $(patsubst %,run/%,$(filter $(SLOT_BIN)/%,$(TSAN_TESTS)))
slotmalloc-asan slotmalloc-tsan: slotmalloc-torture
check-slotmalloc-sanitizers:
	$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=address,undefined slotmalloc-asan
	$(MAKE) --no-print-directory BUILD=build/tsan SANITIZE=thread slotmalloc-tsan

# valgrind looks for reads of what was never written, in the allocator itself.
check-slotmalloc-valgrind: $(SLOT_TORTURE) $(SLOT_BIN)/test_superslabs $(SLOT_BIN)/test_remote_model
	@command -v valgrind > /dev/null || { echo "skipped $@: valgrind is not installed"; exit 0; }; \
	for test in "$(SLOT_TORTURE) --ops 12000 --threads 2 --seconds 60" $(SLOT_BIN)/test_remote_model; do \
	  timeout 180 valgrind -q --error-exitcode=9 --fair-sched=yes $$test > /dev/null && echo "ok      valgrind $$test" || exit 1; \
	done

# The other machine: the unit tests and the conformance tests under an emulator. It keeps a record of every page that
# is mapped, so that the test which maps many GiB takes minutes there.
AARCH64_CC    := aarch64-linux-gnu-gcc
AARCH64_RUN   := qemu-aarch64 -L /usr/aarch64-linux-gnu
SLOT_EMULATED := $(filter-out %/test_growth,$(SLOT_UNITS)) $(patsubst %,$(SLOT_BIN)/same_%,sizes zero realloc errors alignment information)
slotmalloc-emulated: $(SLOT_EMULATED) $(SLOT_TORTURE)
	@for test in $(SLOT_EMULATED) "$(SLOT_TORTURE) --seconds 8 --largest 33554432"; do timeout 200 $(CROSS) $$test > $(BUILD)/log 2>&1 && echo "ok      $$test" \
	  || { cat $(BUILD)/log; echo "FAILED  $$test"; exit 1; }; done
check-slotmalloc-aarch64:
	@if command -v $(AARCH64_CC) > /dev/null && command -v $(firstword $(AARCH64_RUN)) > /dev/null; \
	then $(MAKE) --no-print-directory BUILD=build/aarch64 CC=$(AARCH64_CC) CROSS="$(AARCH64_RUN)" slotmalloc-emulated; \
	else echo "skipped $@: $(AARCH64_CC) or $(firstword $(AARCH64_RUN)) is not installed"; fi

CHECKS += check-slotmalloc-options check-slotmalloc-faults check-slotmalloc-sanitizers check-slotmalloc-valgrind check-slotmalloc-aarch64
.PHONY: slotmalloc-torture slotmalloc-asan slotmalloc-tsan slotmalloc-emulated

endif
