# The reference allocators bump and lifo, and slowed, the positive control: one C file each, built into its own library.

REFERENCE_LIBS := $(BUILD)/libbump.so $(BUILD)/liblifo.so $(BUILD)/libslowed.so
ALL += $(REFERENCE_LIBS)

$(REFERENCE_LIBS): $(BUILD)/lib%.so: $(BUILD)/pic/allocators/reference/%.o
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F),--as-needed -o $@ $< -ldl
