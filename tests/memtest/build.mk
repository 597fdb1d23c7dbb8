# Each test_*.c is a cmocka program, linked with the whole driver but its main().
MEMTEST_TESTS := $(patsubst tests/memtest/%.c,$(BUILD)/tests/memtest/%,$(wildcard tests/memtest/test_*.c))

$(MEMTEST_TESTS): $(BUILD)/tests/memtest/%: $(BUILD)/obj/tests/memtest/%.o $(filter-out %/main.o,$(MEMTEST_OBJ))
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(MEMTEST_LIBS)

# The allocator with planted faults, for LD_PRELOAD.
$(BUILD)/tests/memtest/libplanted.so: $(BUILD)/pic/tests/memtest/planted.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ $^

ALL        += $(BUILD)/tests/memtest/libplanted.so
C_TESTS    += $(MEMTEST_TESTS)
ASAN_TESTS += $(MEMTEST_TESTS)
TSAN_TESTS += $(MEMTEST_TESTS)
