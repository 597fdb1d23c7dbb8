# The reference allocators bump, lifo and null, and slowed, the positive control: one C file each, built into its own
# library.

REFERENCE_LIBS := $(BUILD)/libbump.so $(BUILD)/liblifo.so $(BUILD)/libnull.so $(BUILD)/libslowed.so

# Only memtest's own calls are null's: libc keeps data in what it allocates.
null.link := $(foreach call,malloc free calloc realloc posix_memalign,-Wl,--wrap=$(call))
ALL += $(REFERENCE_LIBS)

$(REFERENCE_LIBS): $(BUILD)/lib%.so: $(BUILD)/pic/allocators/reference/%.o
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F),--as-needed -o $@ $< -ldl
