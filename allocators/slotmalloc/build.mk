# slotmalloc: the shared and the static library, and the pkg-config file. Nothing but the interface is visible in either.

SLOTMALLOC := allocators/slotmalloc
SLOTMALLOC_SRC := $(wildcard $(SLOTMALLOC)/src/*/*.c)
SLOTMALLOC_PIC := $(SLOTMALLOC_SRC:%.c=$(BUILD)/pic/%.o)
# One file is C++, for its `catch`; a build for another machine may have no compiler for it, and does without.
ifeq ($(firstword $(subst -, ,$(shell $(CXX) -dumpmachine 2>/dev/null))),$(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null))))
SLOTMALLOC_CXX := $(BUILD)/pic/$(SLOTMALLOC)/src/api/catch.o
endif
SLOTMALLOC_DEBUG := $(SLOTMALLOC_SRC:$(SLOTMALLOC)/src/%.c=$(BUILD)/obj/slotmalloc-debug/%.o)
SLOTMALLOC_FLAGS := -iquote $(SLOTMALLOC)/src -I $(SLOTMALLOC)/include -fvisibility=hidden -ftls-model=initial-exec -fexceptions -foptimize-sibling-calls

# A frame pointer costs the fast paths a tenth of their instructions.
$(SLOTMALLOC_PIC): CFLAGS += $(SLOTMALLOC_FLAGS) $(if $(SANITIZE),,-fomit-frame-pointer)

$(BUILD)/pic/%.o: %.cpp $(BUILD)/flags
	echo "  CXX   $< (shared)"; mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(SLOTMALLOC_FLAGS) -fPIC -c -o $@ $<

ALL += $(BUILD)/libnodeepbind.so $(BUILD)/libslotmalloc.so $(BUILD)/libslotmalloc.a $(BUILD)/libslotmalloc-debug.so $(BUILD)/slotmalloc.pc

SLOTMALLOC_LINK = $(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F),-z,nodelete,--version-script=$(SLOTMALLOC)/exports.map -o $@

$(BUILD)/libslotmalloc.so: $(SLOTMALLOC_PIC) $(SLOTMALLOC_CXX) $(SLOTMALLOC)/exports.map
	echo "  LINK  $@"
	$(SLOTMALLOC_LINK) $(SLOTMALLOC_PIC) $(SLOTMALLOC_CXX)

LAYOUT_LIBS += slotmalloc
$(BUILD)/layouts/%/slotmalloc.order: $(SLOTMALLOC_PIC) $(SLOTMALLOC_CXX) $(LAYOUT_PADS) tools/layouts/order.py
	$(call layout,$(SLOTMALLOC_PIC) $(SLOTMALLOC_CXX))
$(BUILD)/layouts/%/libslotmalloc.so: $(BUILD)/layouts/%/slotmalloc.order $(SLOTMALLOC)/exports.map
	echo "  LINK  $@"
	$(SLOTMALLOC_LINK) -Wl,--strip-debug @$<

# Beside other allocators, for programs whose modules would otherwise call libc's free.
$(BUILD)/libnodeepbind.so: $(SLOTMALLOC)/src/api/deepbind.c $(BUILD)/flags
	echo "  LINK  $@"
	$(CC) $(filter-out -MMD -MP -fsanitize% -fno-sanitize%,$(CFLAGS)) $(SLOTMALLOC_FLAGS) -DDEEPBIND_ALONE -fPIC -shared -o $@ $<

# One object whose hidden symbols have become local: the archive's names stay out of the program's way. A static program
# has no dlopen to pass on to.
$(BUILD)/libslotmalloc.a: $(filter-out %/deepbind.o,$(SLOTMALLOC_PIC)) $(SLOTMALLOC_CXX)
	echo "  AR    $@"
	mkdir -p $(BUILD)/obj; $(CC) -r -nostdlib -Wl,--force-group-allocation -o $(BUILD)/obj/slotmalloc.o $^
	$(shell $(CC) -print-prog-name=objcopy) --localize-hidden $(BUILD)/obj/slotmalloc.o
	rm -f $@; $(shell $(CC) -print-prog-name=ar) rcs $@ $(BUILD)/obj/slotmalloc.o

# The debug build checks every invariant as it goes.
$(SLOTMALLOC_DEBUG): $(BUILD)/obj/slotmalloc-debug/%.o: $(SLOTMALLOC)/src/%.c $(BUILD)/flags
	echo "  CC    $< (debug)"; mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SLOTMALLOC_FLAGS) -O1 -DSLOTMALLOC_DEBUG -fPIC -c -o $@ $<

$(BUILD)/libslotmalloc-debug.so: $(SLOTMALLOC_DEBUG) $(SLOTMALLOC_CXX) $(SLOTMALLOC)/exports.map
	echo "  LINK  $@"
	$(SLOTMALLOC_LINK) $(SLOTMALLOC_DEBUG) $(SLOTMALLOC_CXX)

PREFIX ?= /usr/local
$(BUILD)/slotmalloc.pc: $(SLOTMALLOC)/slotmalloc.pc.in $(BUILD)/flags
	sed 's|@PREFIX@|$(PREFIX)|' $< > $@

install-slotmalloc: $(BUILD)/libslotmalloc.so $(BUILD)/libslotmalloc.a $(BUILD)/slotmalloc.pc
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,include lib/pkgconfig share/man/man3)
	install -m 644 $(SLOTMALLOC)/include/slotmalloc.h $(DESTDIR)$(PREFIX)/include/
	install $(BUILD)/libslotmalloc.so $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(BUILD)/libslotmalloc.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(BUILD)/slotmalloc.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	install -m 644 $(SLOTMALLOC)/slotmalloc.3 $(DESTDIR)$(PREFIX)/share/man/man3/
.PHONY: install-slotmalloc
