# alloclab: builds memtest once per allocator, the project's own libraries, and runs every test.
# `make help` lists what it makes: the lines of all makefiles that start with #:
#
#: Build
#:   make                     everything that can be built on this machine
#:   make NAME                build/memtest-NAME, for an allocator NAME of the table
#:   make layouts             memtest and slotmalloc in LAYOUTS=20 code layouts, for every allocator or LAYOUT_ALLOCATORS="a b"
#:   make clean               removes what was built; keeps the peers that were fetched
#:   make compile_commands.json   how each source is compiled, for clangd and other tools
#: Check
#:   make check               installs what is missing, then lint, check-c and check-python
#:   make check-c             the C tests
#:   make check-python        the Python tests
#:   make check-asan          the C tests under AddressSanitizer and UBSan
#:   make check-tsan          the C tests under ThreadSanitizer
#:   make lint                only looks: lint-c, lint-shell, lint-python
#:   make format              rewrites C and Python in the one style
#:   make conformance-NAME    what any malloc must do, under an allocator of the table
#:   make torture-NAME        random operations with every byte verified, under an allocator of the table
#: Tell and draw
#:   make help                this list
#:   make list-allocators     the table with versions, paths and hashes, as JSON
#:   make list-packages       what install.sh takes from the distribution for the allocators
#:   make list-peers          the newer releases that install.sh fetches
#:   make results             the tables of docs/results, README.md and other pages, from results/reference
#:   make architecture        the picture of ARCHITECTURE.md, from the tree
#: Settings
#:   CC=clang                 another compiler
#:   BUILD=dir SANITIZE=thread   builds elsewhere, and with a sanitizer
#:   V=1                      shows the commands

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
ifndef V
.SILENT:
endif

# Variables of the calling shell that would bring in other headers, libraries or modules; CC and CXX are kept.
unexport CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH LD_RUN_PATH GCC_EXEC_PREFIX COMPILER_PATH \
         DEPENDENCIES_OUTPUT SUNPRO_DEPENDENCIES CDPATH BASH_ENV ENV POSIXLY_CORRECT LD_PRELOAD LD_AUDIT \
         $(filter PYTHON% GIT_% MALLOC_% GLIBC_TUNABLES,$(.VARIABLES))

ifeq ($(origin CC),default)
CC       := gcc
CXX      := g++
endif
BUILD    := build
SANITIZE :=
OPT      := -O2 -g
PYTHON   := $(firstword $(wildcard .venv/bin/python) python3)

# ---------------------------------------------------------------------------------------------------------------------
# The allocators: the one place that names them. A line here is all that a new allocator needs.
#   role     contestant; own; or reference: shows what is possible, and nobody could use it
#   package  extended regular expression of the distribution's package, as names differ by release; with =VERSION* it is
#            a newer peer, which install.sh unpacks under build/peers/NAME; empty for what is built here
#   library  the object that defines malloc first, then what must come with it; wildcards allowed; it lies in the
#            distribution's library folder, in build/peers/NAME or in build/, as the package says
#   note     without a comma, at which make would split it

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
MACHINE   := $(firstword $(subst -, ,$(MULTIARCH)))
LIB       := /usr/lib/$(MULTIARCH)
PEERS     := build/peers
SCUDO     := $(lastword $(sort $(wildcard \
             /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.scudo_standalone-$(MACHINE).so)))

define allocator # name, role, licence, package, library, note
ALLOCATORS += $1
$1.role    := $2
$1.licence := $3
$1.package := $4
$1.files   := $(addprefix $(if $4,$(if $(findstring =,$4),$(PEERS)/$1,$(LIB)),$(BUILD))/,$(filter-out /%,$5)) $(filter /%,$5)
$1.object := $$(strip $$(if $4,$$(wildcard $$($1.files)),$$($1.files)))
$1.note    := $6
endef
row = $(eval $(call allocator,$(strip $1),$(strip $2),$(strip $3),$(strip $4),$(strip $5),$(strip $6)))

#          name           role        licence       package                           library                                    note
$(call row,ptmalloc,      contestant, LGPL-2.1+,    libc6,                            libc.so.6,                                 the C library's own)
$(call row,jemalloc,      contestant, BSD-2-Clause, libjemalloc2,                     libjemalloc.so.2)
$(call row,jemalloc531,   contestant, BSD-2-Clause, libjemalloc2=5.3.1*,              libjemalloc.so.2)
$(call row,mimalloc,      contestant, MIT,          libmimalloc[23](\.[0-9])?,        libmimalloc.so.[23])
$(call row,mimalloc3,     contestant, MIT,          libmimalloc3=3.*,                 libmimalloc.so.3)
$(call row,tcmalloc,      contestant, BSD-3-Clause, libtcmalloc-minimal4(t64)?,       libtcmalloc_minimal.so.4,                  gperftools tcmalloc; not Google's TCMalloc)
$(call row,tcmalloc218,   contestant, BSD-3-Clause, libtcmalloc-minimal4(t64)?=2.18*, libtcmalloc_minimal.so.4,                  gperftools tcmalloc; not Google's TCMalloc)
$(call row,tbbmalloc,     contestant, Apache-2.0,   libtbbmalloc2,                    libtbbmalloc_proxy.so.2,                   oneTBB through its malloc proxy)
$(call row,tbbmalloc2023, contestant, Apache-2.0,   libtbbmalloc2=2023*,              libtbbmalloc_proxy.so.2 libtbbmalloc.so.2, oneTBB through its malloc proxy)
$(call row,scudo,         contestant, Apache-2.0,   libclang-rt-[0-9]+-dev,           $(SCUDO),                                  LLVM's hardened allocator)
$(call row,bump,          reference,  MIT,          ,                                 libbump.so,                                never frees; what fresh pages cost)
$(call row,lifo,          reference,  MIT,          ,                                 liblifo.so,                                unsafe free lists per thread; what bookkeeping costs)
$(call row,null,         reference,  MIT,          ,                                 libnull.so,                                one block for all calls; what memtest itself costs)
$(call row,slotmalloc,    own,        MIT,          ,                                 libslotmalloc.so,                          the project's own)

# ---------------------------------------------------------------------------------------------------------------------
# Flags. The compiler must not reason about malloc: it would remove the very calls that are measured.

NO_BUILTIN := malloc calloc realloc free memalign aligned_alloc posix_memalign strdup
# Other compilers warn of other things: with them a warning is no error.
WERROR  := $(if $(filter 12 13 14,$(firstword $(subst ., ,$(shell $(CC) -dumpversion 2>/dev/null)))),-Werror)
CFLAGS  := -std=gnu17 $(OPT) -Wall -Wextra -Wpedantic $(WERROR) $(NO_BUILTIN:%=-fno-builtin-%) \
           -fno-omit-frame-pointer -pthread -D_GNU_SOURCE= -iquote . -MMD -MP
LDFLAGS := -pthread
ifneq ($(SANITIZE),)
CFLAGS  += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SANITIZE)
endif
CXXFLAGS := $(subst gnu17,gnu++17,$(filter-out -D_GNU_SOURCE=,$(CFLAGS)))

# ---------------------------------------------------------------------------------------------------------------------
# Code layouts: what is built here, linked in other orders and with padding (tools/layouts/order.py). Layout 0 is the
# ordinary build. $(call layout,OBJECTS) in a recipe writes the linker's arguments of layout $* into $@; a pad can be
# linked more than once, as it defines nothing.

LAYOUTS     := 20
LAYOUT_PADS := $(foreach bytes,16 32 64 128 256 512 1024 2048,$(BUILD)/layouts/pad-$(bytes).o)
layout       = mkdir -p $(@D); $(PYTHON) -I tools/layouts/order.py $* --pads $(LAYOUT_PADS) --objects $1 > $@

$(LAYOUT_PADS): $(BUILD)/layouts/pad-%.o: $(BUILD)/flags
	mkdir -p $(@D); printf ".text\n.skip $*\n.data\n.skip $*\n.bss\n.skip $*\n.section .note.GNU-stack\n" | \
	$(CC) -x assembler -c -o $@ -

# ---------------------------------------------------------------------------------------------------------------------
# The parts. Each build.mk builds its folder into $(BUILD)/ and adds to these lists:
ALL        :=# what `make all` builds
C_TESTS    :=# cmocka programs; `make check` runs each from the repository's root
CHECKS     :=# phony targets that `make check` also makes
LAYOUT_LIBS :=# allocators whose library is built in every layout too
ASAN_TESTS :=# programs that `make check-asan` runs
TSAN_TESTS :=# programs that `make check-tsan` runs

include $(sort $(wildcard memtest/build.mk allocators/*/build.mk tools/*/build.mk tests/*/build.mk tests/*/*/build.mk))

# Objects follow the tree: a/b.c -> build/obj/a/b.o, and build/pic/a/b.o for a shared library. Both are made again when
# a header or the flags change.
FLAGS := $(CC) $(CXX) $(CFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE
	mkdir -p $(@D); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	echo "  CC    $<"; mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/pic/%.o: %.c $(BUILD)/flags
	echo "  CC    $< (shared)"; mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC -ftls-model=initial-exec -c -o $@ $<

$(BUILD)/obj/%.o: %.cpp $(BUILD)/flags
	echo "  CXX   $<"; mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)

# ---------------------------------------------------------------------------------------------------------------------
# memtest-NAME: the same objects, linked with the allocator before libc and by full path, so that neither the linker nor
# the loader can take another copy. Available are the installed ones, and those of the tree's own that a build.mk builds.

MEMTEST_OBJ ?= $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard memtest/*.c memtest/workloads/*.c))
is_available = $(if $($1.package),$($1.object),$(filter $($1.object),$(ALL)))
AVAILABLE   := $(foreach a,$(ALLOCATORS),$(if $(call is_available,$a),$a))
# Not by abspath, which would split the path of a tree that holds a space.
in_full      = $(if $(filter /%,$1),$1,"$(CURDIR)"/$1)
link_with    = $(if $(filter-out %/libc.so.6,$1),-Wl$(comma)--no-as-needed $(foreach file,$1,$(call in_full,$(file))) \
               $(foreach dir,$(sort $(dir $1)),-Wl$(comma)-rpath$(comma)$(call in_full,$(dir))) -Wl$(comma)--as-needed)
comma       := ,

define memtest_rule
$(BUILD)/memtest-$1: $(MEMTEST_OBJ) $($1.object)
	echo "  LINK  $$@"
	$$(CC) $$(LDFLAGS) $($1.link) -o $$@ $(MEMTEST_OBJ) $(call link_with,$($1.object)) $(MEMTEST_LIBS)
$1: $(BUILD)/memtest-$1

$1.layout_object := $(if $(filter $1,$(LAYOUT_LIBS)),$(BUILD)/layouts/%/lib$1.so,$($1.object))
$(BUILD)/layouts/%/memtest-$1: $(BUILD)/layouts/%/memtest.order $$($1.layout_object)
	echo "  LINK  $$@"
	$$(CC) $$(LDFLAGS) $($1.link) -Wl,--strip-debug -o $$@ @$$< \
	    $$(call link_with,$$(subst %,$$*,$$($1.layout_object))) $(MEMTEST_LIBS)
endef
define missing_rule
$1:
	echo "$1 is not installed; ./install.sh fetches it$(if $($1.package), (package $($1.package)))" >&2; exit 1
endef
$(foreach a,$(ALLOCATORS),$(eval $(call $(if $(filter $a,$(AVAILABLE)),memtest_rule,missing_rule),$a)))

$(BUILD)/layouts/%/memtest.order: $(MEMTEST_OBJ) $(LAYOUT_PADS) tools/layouts/order.py
	$(call layout,$(MEMTEST_OBJ))

LAYOUT_ALLOCATORS := $(AVAILABLE)
layouts: $(foreach a,$(LAYOUT_ALLOCATORS),$(BUILD)/memtest-$a \
         $(foreach n,$(shell seq 1 $$(($(LAYOUTS) - 1))),$(BUILD)/layouts/$n/memtest-$a))

MEMTESTS := $(if $(MEMTEST_OBJ),$(AVAILABLE:%=$(BUILD)/memtest-%))
all: $(ALL) $(MEMTESTS)

define ALLOCATOR_ROWS
$(foreach a,$(ALLOCATORS),$a|$($a.role)|$($a.licence)|$($a.package)|$(strip $($a.object))|$($a.note)
)
endef
list-allocators: export ALLOCATOR_ROWS := $(ALLOCATOR_ROWS)
list-allocators:
	$(PYTHON) -I install/list_allocators.py $(BUILD)

# What install.sh asks: rows as in install/packages.txt, and the newer peers as "name package=version library".
list-packages:
	$(foreach a,$(ALLOCATORS),$(if $($a.package),$(if $(findstring =,$($a.package)),,echo 'optional $($a.package) - the allocator $a';)))
list-peers:
	$(foreach a,$(ALLOCATORS),$(if $(findstring =,$($a.package)),echo '$a $($a.package) $($a.files)';))

# ---------------------------------------------------------------------------------------------------------------------
# Tests. `check` installs first and then starts make again, which sees what has just been installed.

TEST_TIMEOUT := 300
C_FILES  = $(shell find allocators install memtest tests tools -name '*.[ch]' -o -name '*.cpp' 2>/dev/null)
SH_FILES = $(shell find . \( -path ./build -o -path ./.venv -o -path ./.git \) -prune -o -name '*.sh' -print) .ci/run

check:
	./install.sh
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory check-c
	$(MAKE) --no-print-directory check-python

check-c: all run-tests $(CHECKS)
check-python: all
	.venv/bin/python -I -m pytest

run-tests: $(C_TESTS:%=run/%)
$(sort $(patsubst %,run/%,$(C_TESTS) $(ASAN_TESTS) $(TSAN_TESTS))): run/%: %
	log=$$(mktemp); if timeout $(TEST_TIMEOUT) $< > $$log 2>&1; then echo "ok      $<"; rm -f $$log; \
	else code=$$?; cat $$log; rm -f $$log; echo "FAILED  $< (exit $$code; 124 is a time-out of $(TEST_TIMEOUT) s)"; exit 1; fi

check-asan:
	$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=address,undefined run-asan
check-tsan:
	$(MAKE) --no-print-directory BUILD=build/tsan SANITIZE=thread run-tsan
run-asan: $(ASAN_TESTS:%=run/%)
run-tsan: $(TSAN_TESTS:%=run/%)

lint: lint-c lint-shell lint-python
	echo "lint: clean"
lint-c:
	.venv/bin/clang-format --dry-run -Werror $(C_FILES)
lint-shell:
	shellcheck --external-sources $(SH_FILES)
lint-python:
	.venv/bin/ruff check --quiet
	.venv/bin/ruff format --check --quiet
	.venv/bin/python -I -m mypy --no-error-summary

format:
	.venv/bin/clang-format -i $(C_FILES)
	.venv/bin/ruff format --quiet
	.venv/bin/ruff check --fix --quiet

# Documents made from stored runs and from the tree.
results:
	$(PYTHON) tools/docs/results.py
architecture:
	$(PYTHON) -m tools.docs.architecture

# How each object is compiled, as make itself would do it.
compile_commands.json: FORCE
	$(MAKE) --no-print-directory --always-make --dry-run V=1 all run-tests | $(PYTHON) tools/docs/compile_commands.py > $@

help:
	sed -n 's/^#: \{0,1\}//p' $(MAKEFILE_LIST)

clean:
	rm -rf $(filter-out $(PEERS),$(wildcard $(BUILD)/*))

FORCE:
.PHONY: FORCE all check check-c check-python check-asan check-tsan run-tests run-asan run-tsan \
        lint lint-c lint-shell lint-python format results architecture help clean list-allocators list-packages list-peers layouts $(ALLOCATORS) $(CHECKS)
