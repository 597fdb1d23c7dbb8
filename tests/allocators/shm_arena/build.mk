# Tests of the shared-memory arena: one cmocka program per subject, linked with the static library. Those that stop a
# process between two atomic steps are linked with a build of it that calls a function at each step.

SHM_TESTS := $(patsubst %.c,%,$(notdir $(wildcard tests/allocators/shm_arena/test_*.c)))
SHM_STEP_TESTS := test_crash_points test_recovery_model
SHM_TEST_BIN := $(SHM_TESTS:%=$(BUILD)/tests/shm_arena/%)
SHM_TEST_SUPPORT := $(addprefix $(BUILD)/obj/tests/allocators/shm_arena/,support.o exhaustion.o)
SHM_STEP_OBJ := $(SHM_SRC:%.c=$(BUILD)/obj/steps/%.o)

$(SHM_TESTS:%=$(BUILD)/obj/tests/allocators/shm_arena/%.o) $(SHM_TEST_SUPPORT): \
    CFLAGS += $(SHM_INTERNAL)
$(SHM_STEP_TESTS:%=$(BUILD)/obj/tests/allocators/shm_arena/%.o): CFLAGS += -DSHM_ARENA_CRASH_POINTS

$(BUILD)/obj/steps/%.o: %.c $(BUILD)/flags
	echo "  CC    $< (with crash points)"; mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHM_INTERNAL) -DSHM_ARENA_CRASH_POINTS -c -o $@ $<

$(BUILD)/libshm_arena_steps.a: $(SHM_STEP_OBJ)
	echo "  AR    $@"
	rm -f $@; $(AR) rcs $@ $^

$(SHM_TEST_BIN): $(BUILD)/tests/shm_arena/%: $(BUILD)/obj/tests/allocators/shm_arena/%.o $(SHM_TEST_SUPPORT)
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka
$(SHM_STEP_TESTS:%=$(BUILD)/tests/shm_arena/%): $(BUILD)/libshm_arena_steps.a
$(filter-out $(SHM_STEP_TESTS:%=$(BUILD)/tests/shm_arena/%),$(SHM_TEST_BIN)): $(BUILD)/libshm_arena.a

C_TESTS += $(SHM_TEST_BIN)
ASAN_TESTS += $(addprefix $(BUILD)/tests/shm_arena/,test_blocks test_pool test_header test_hostile test_manager \
    test_environment test_processes)
TSAN_TESTS += $(addprefix $(BUILD)/tests/shm_arena/,test_threads test_blocks)

# Reads of memory that was never written, and leaks: valgrind, where it is installed.
SHM_VALGRIND := $(addprefix $(BUILD)/tests/shm_arena/,test_blocks test_pool test_environment)
CHECKS += check-shm-valgrind
check-shm-valgrind: $(SHM_VALGRIND)
	command -v valgrind > /dev/null || { echo "skipped: shm_arena under valgrind, which is not installed"; exit 0; }; \
	for test in $^; do log=$$(mktemp); \
	    if timeout $(TEST_TIMEOUT) valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
	        $$test > $$log 2>&1; then echo "ok      $$test under valgrind"; rm -f $$log; \
	    else cat $$log; rm -f $$log; echo "FAILED  $$test under valgrind"; exit 1; fi; done

# Not part of `make check`: ten times the kills and the steps of the model.
torture-shm: $(BUILD)/tests/shm_arena/test_kill $(BUILD)/tests/shm_arena/test_recovery_model
	SHM_KILL_ROUNDS=10000 $(BUILD)/tests/shm_arena/test_kill
	SHM_MODEL_STEPS=3000000 $(BUILD)/tests/shm_arena/test_recovery_model
.PHONY: torture-shm
