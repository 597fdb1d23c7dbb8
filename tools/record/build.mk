# The recorder librecord.so and alloc-record, which preloads it into programs and writes traces of their allocations.

RECORD_LIB := $(patsubst %,$(BUILD)/pic/tools/record/%.o,announce exec image load log next wrap wrap_cxx)
RECORD_OBJ := $(patsubst %,$(BUILD)/obj/tools/record/%.o,check convert directory finish launch ledger main memory meta preload program \
                raw_image raw_stream writer) \
              $(patsubst %,$(BUILD)/obj/memtest/trace/%.o,reader map)

$(BUILD)/obj/tools/record/main.o: CFLAGS += -DALLOCLAB_VERSION='"$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"'
$(RECORD_LIB): CFLAGS += -fvisibility=hidden -fexceptions
$(BUILD)/librecord.so: $(RECORD_LIB)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -o $@ $^ -ldl

$(BUILD)/alloc-record: $(RECORD_OBJ)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -o $@ $^ -lz

ALL += $(BUILD)/librecord.so $(BUILD)/alloc-record
