# The reference allocators bump and lifo: one C file each on the shared headers, built into its own library.

REFERENCE_LIBS := $(BUILD)/libbump.so $(BUILD)/liblifo.so
ALL += $(REFERENCE_LIBS)

$(REFERENCE_LIBS): $(BUILD)/lib%.so: $(BUILD)/pic/allocators/reference/%.o
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ $<
