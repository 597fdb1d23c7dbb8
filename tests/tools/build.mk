# Programs that the Python tests record, and the counting allocator that they are recorded on.

$(BUILD)/tests/tools/storm: $(BUILD)/obj/tests/tools/storm.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/tools/cxx: $(BUILD)/obj/tests/tools/cxx.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/tools/server: $(BUILD)/obj/tests/tools/server.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -ldl

$(BUILD)/tests/tools/own_malloc: $(BUILD)/obj/tests/tools/own_malloc.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/tools/own_new: $(BUILD)/obj/tests/tools/own_new.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/tools/module.so: $(BUILD)/pic/tests/tools/module.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ $^

$(BUILD)/tests/tools/libcount.so: $(BUILD)/pic/tests/tools/count.o
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ $^

ALL += $(addprefix $(BUILD)/tests/tools/,storm cxx server own_new own_malloc module.so libcount.so)

$(BUILD)/tests/tools/test_traces: $(BUILD)/obj/tests/tools/test_traces.o $(patsubst %,$(BUILD)/obj/tools/record/%.o,memory writer) \
                                  $(filter-out %/main.o,$(MEMTEST_OBJ))
	echo "  LINK  $@"; mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(MEMTEST_LIBS)

C_TESTS    += $(BUILD)/tests/tools/test_traces
ASAN_TESTS += $(BUILD)/tests/tools/test_traces
TSAN_TESTS += $(BUILD)/tests/tools/test_traces
