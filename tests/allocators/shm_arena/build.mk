# Tests of the shared-memory arena: one cmocka program per subject, linked with the static library. Those that stop a
# process between two atomic steps are linked with a build of it that calls a function at each step.

SHM_TESTS := $(patsubst %.c,%,$(notdir $(wildcard tests/allocators/shm_arena/test_*.c)))
SHM_STEP_TESTS := test_crash_points test_recovery_model
SHM_TEST_BIN := $(SHM_TESTS:%=$(BUILD)/tests/shm_arena/%)
SHM_TEST_SUPPORT := $(BUILD)/obj/tests/allocators/shm_arena/support.o
SHM_STEP_OBJ := $(SHM_SRC:%.c=$(BUILD)/obj/steps/%.o)

$(SHM_TESTS:%=$(BUILD)/obj/tests/allocators/shm_arena/%.o) $(SHM_TEST_SUPPORT): \
    CFLAGS += $(SHM_INCLUDE) -I allocators/shm_arena/src
$(SHM_STEP_TESTS:%=$(BUILD)/obj/tests/allocators/shm_arena/%.o): CFLAGS += -DSHM_ARENA_CRASH_POINTS

$(BUILD)/obj/steps/%.o: %.c $(BUILD)/flags
	echo "  CC    $< (with crash points)"; mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHM_INCLUDE) -DSHM_ARENA_CRASH_POINTS -c -o $@ $<

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
