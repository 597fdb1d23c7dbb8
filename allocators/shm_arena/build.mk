# The shared-memory arena: a shared and a static library, its pkg-config file, the transport example and the benches.

SHM := allocators/shm_arena
SHM_SRC := $(wildcard $(SHM)/src/*/*.c)
SHM_OBJ := $(SHM_SRC:%.c=$(BUILD)/obj/%.o)
SHM_PIC := $(SHM_SRC:%.c=$(BUILD)/pic/%.o)
SHM_INCLUDE := -I $(SHM)/include
SHM_INTERNAL := $(SHM_INCLUDE) -iquote $(SHM)/src

$(SHM_OBJ) $(SHM_PIC): CFLAGS += $(SHM_INTERNAL) -fvisibility=hidden

ALL += $(BUILD)/libshm_arena.so $(BUILD)/libshm_arena.a $(BUILD)/shm_arena.pc

$(BUILD)/libshm_arena.so: $(SHM_PIC)
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -shared -Wl,-soname,$(@F) -o $@ $^

$(BUILD)/libshm_arena.a: $(SHM_OBJ)
	echo "  AR    $@"
	rm -f $@; $(AR) rcs $@ $^

# PREFIX is where `make install-shm-arena` puts things; DESTDIR goes before it for packagers.
PREFIX ?= /usr/local
$(BUILD)/shm_arena.pc: $(SHM)/shm_arena.pc.in $(BUILD)/flags
	sed 's|@PREFIX@|$(PREFIX)|' $< > $@

install-shm-arena: $(BUILD)/libshm_arena.so $(BUILD)/libshm_arena.a $(BUILD)/shm_arena.pc
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,include lib/pkgconfig share/man/man3)
	install -m 644 $(SHM)/include/shm_arena.h $(DESTDIR)$(PREFIX)/include/
	install $(BUILD)/libshm_arena.so $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(BUILD)/libshm_arena.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(BUILD)/shm_arena.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/
	install -m 644 $(SHM)/shm_arena.3 $(DESTDIR)$(PREFIX)/share/man/man3/
.PHONY: install-shm-arena

# ---- the transport example ----

SHM_TRANSPORT_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(SHM)/transport/*.c))
$(SHM_TRANSPORT_OBJ): CFLAGS += $(SHM_INCLUDE)
ALL += $(BUILD)/shm-transport

$(BUILD)/shm-transport: $(SHM_TRANSPORT_OBJ) $(BUILD)/libshm_arena.a
	echo "  LINK  $@"
	$(CC) $(LDFLAGS) -o $@ $^

# ---- the benches; Boost.Interprocess takes part where it is installed ----

SHM_BENCH_CPP := $(SHM)/bench/tree.cpp $(if $(wildcard /usr/include/boost/interprocess/managed_shared_memory.hpp), \
    $(SHM)/bench/contender_boost.cpp)
SHM_BENCH_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(SHM)/bench/*.c)) $(SHM_BENCH_CPP:%.cpp=$(BUILD)/obj/%.o)
$(SHM_BENCH_OBJ): CFLAGS += $(SHM_INCLUDE)
$(BUILD)/obj/$(SHM)/bench/main.o: CFLAGS += -DALLOCLAB_VERSION='"$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"'
ALL += $(BUILD)/shm-bench

$(BUILD)/shm-bench: $(SHM_BENCH_OBJ) $(filter-out %/main.o,$(SHM_TRANSPORT_OBJ)) $(BUILD)/libshm_arena.a
	echo "  LINK  $@"
	$(CXX) $(LDFLAGS) -o $@ $^
