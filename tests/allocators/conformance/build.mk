# Tests that hold for any malloc, and the torture. `make conformance-NAME` runs them under an allocator of the table,
# by preload; `make check` does so under ptmalloc, which tests the tests, and under slotmalloc.

CONFORMANCE_DIR   := tests/allocators/conformance
CONFORMANCE_OBJ   := $(BUILD)/obj/$(CONFORMANCE_DIR)
CONFORMANCE_BIN   := $(BUILD)/tests/conformance
CONFORMANCE_NAMES := $(patsubst $(CONFORMANCE_DIR)/%.c,%,$(wildcard $(CONFORMANCE_DIR)/test_*.c)) test_operators
CONFORMANCE_TESTS := $(CONFORMANCE_NAMES:%=$(CONFORMANCE_BIN)/%)
TORTURE           := $(CONFORMANCE_BIN)/torture
TORTURE_SECONDS   ?= 720
TORTURE_SEED      ?= 1
ALL += $(CONFORMANCE_TESTS) $(TORTURE) $(CONFORMANCE_BIN)/libfaulty.so

$(CONFORMANCE_BIN)/test_%: $(CONFORMANCE_OBJ)/test_%.o $(CONFORMANCE_OBJ)/support.o
	@mkdir -p $(@D)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka -ldl
$(CONFORMANCE_OBJ)/test_operators.o: CXXFLAGS += -fsized-deallocation # gcc has it on, older clang not
$(CONFORMANCE_BIN)/test_operators: $(CONFORMANCE_OBJ)/test_operators.o $(CONFORMANCE_OBJ)/support.o
	@mkdir -p $(@D)
	echo "  LINK  $@"
	$(CXX) $(LDFLAGS) -o $@ $^ -lcmocka -ldl
$(CONFORMANCE_BIN)/test_faults: $(CONFORMANCE_OBJ)/kernel_faults.o
$(CONFORMANCE_BIN)/test_dlopen: | $(CONFORMANCE_BIN)/libplugin.so
$(CONFORMANCE_BIN)/lib%.so: $(BUILD)/pic/$(CONFORMANCE_DIR)/%.o
	@mkdir -p $(@D)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -o $@ $< -ldl
$(TORTURE): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(CONFORMANCE_DIR)/torture/*.c)) $(CONFORMANCE_OBJ)/support.o
	@mkdir -p $(@D)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -o $@ $^ -ldl

# Runs a command under allocator $1; the tests fail when malloc then comes from anywhere else. Relative to the tree: the
# loader takes no path with a space, and the tree's folder may have one.
empty        :=
space        := $(empty) $(empty)
preload_of    = $(if $(filter-out ptmalloc,$1),$(subst $(space),:,$(strip $($1.object))))
under         = env $($1.env) LD_PRELOAD=$(call preload_of,$1) EXPECT_MALLOC_FROM=$(notdir $(firstword $($1.object)))
CONFORMANCE_TIMEOUT ?= 180

# Not in the table, as it is no allocator: in front of libc's it must be as good as libc's.
slowed.object := $(BUILD)/libslowed.so
slowed.env    := ALLOCLAB_SLOWDOWN=5

# What the reference allocators do not claim: to use freed memory again, to follow threads, to tell totals, to free by realloc(p, 0), to
# bring libc's own names.
CONFORMANCE_NOT_bump := test_table test_libc_names test_sizes test_information test_threads test_fork test_fork_moments test_limits test_faults torture
CONFORMANCE_NOT_lifo := test_table test_libc_names test_information test_threads test_fork test_fork_moments test_limits test_faults torture
CONFORMANCE_NOT_slowed := test_limits test_faults torture # long, and about what stands behind it
conformance_of = $(filter-out $(CONFORMANCE_NOT_$1:%=$(CONFORMANCE_BIN)/%),$(CONFORMANCE_TESTS)) \
                 $(if $(filter torture,$(CONFORMANCE_NOT_$1)),,"$(TORTURE) --seconds 8 --threads 4 --forks")

define conformance_rule
conformance-$1: $(CONFORMANCE_TESTS) $(TORTURE) $(filter $(BUILD)/%,$($1.object))
	@failed=0; for test in $(call conformance_of,$1); do \
	  log=$$$$(mktemp); if timeout $(CONFORMANCE_TIMEOUT) $(call under,$1) $$$$test > $$$$log 2>&1; \
	  then echo "ok      $1: $$$$test"; rm -f $$$$log; \
	  else code=$$$$?; cat $$$$log; rm -f $$$$log; echo "FAILED  $1: $$$$test (exit $$$$code)"; failed=1; fi; done; exit $$$$failed
torture-$1: $(TORTURE) $(filter $(BUILD)/%,$($1.object))
	$(call under,$1) $(TORTURE) --seconds $(TORTURE_SECONDS) --threads 4 --forks --seed $(TORTURE_SEED)
.PHONY: conformance-$1 torture-$1
endef
CONFORMANCE_OWN := $(if $(wildcard allocators/slotmalloc/build.mk),slotmalloc)
# null is not asked: its blocks overlap.
$(foreach a,$(filter-out null,$(ALLOCATORS)) slowed,$(eval $(call conformance_rule,$a)))
CHECKS += conformance-ptmalloc conformance-slowed conformance-bump conformance-lifo $(CONFORMANCE_OWN:%=conformance-%)

# The long run: 12 minutes on 2 cores, that is 24 CPU-minutes.
torture: torture-slotmalloc
.PHONY: torture
