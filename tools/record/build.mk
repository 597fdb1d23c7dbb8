# The preload recorder and `alloc-record`, which starts programs under it and makes traces of what they did.

RECORD_LIB := $(patsubst %,$(BUILD)/pic/tools/record/%.o,announce exec image load log next wrap wrap_cxx)
RECORD_OBJ := $(patsubst %,$(BUILD)/obj/tools/record/%.o,check convert directory finish launch ledger main memory meta preload program \
                raw_image raw_stream writer) \
              $(patsubst %,$(BUILD)/obj/memtest/trace/%.o,reader map)

$(RECORD_LIB): CFLAGS += -fvisibility=hidden -fexceptions
$(BUILD)/librecord.so: $(RECORD_LIB)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -o $@ $^ -ldl

$(BUILD)/alloc-record: $(RECORD_OBJ)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -o $@ $^ -lz

ALL += $(BUILD)/librecord.so $(BUILD)/alloc-record
