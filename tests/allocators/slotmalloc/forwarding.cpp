// A program with operators of its own: plain new and delete, with ALIGNED the aligned ones too. The
// other forms must call these ([new.delete.single], [new.delete.array]). argv[1] names the form;
// prints how many blocks the program's operators made and ended, and "null" where none was made.
// Blocks have a header, so that a form that goes elsewhere is found out.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <string>

static long made, ended;
static bool out_of_memory;

static void *give(std::size_t size, std::size_t alignment) {
    if (out_of_memory)
        throw std::bad_alloc();
    void *block = nullptr;
    if (posix_memalign(&block, alignment, size + alignment) != 0)
        throw std::bad_alloc();
    std::memcpy(block, "own header", 10);
    made++;
    return static_cast<char *>(block) + alignment;
}

static void take(void *address, std::size_t alignment) {
    if (address == nullptr)
        return;
    char *block = static_cast<char *>(address) - alignment;
    if (std::memcmp(block, "own header", 10) != 0) {
        std::puts("a block without the program's header");
        std::_Exit(3);
    }
    ended++;
    std::free(block);
}

#pragma GCC diagnostic ignored "-Wsized-deallocation" // left to the library
#ifdef OWN
void *operator new(std::size_t size) {
    return give(size, 16);
}
void operator delete(void *block) noexcept {
    take(block, 16);
}
void *operator new(std::size_t size, std::align_val_t alignment) {
    return give(size, std::size_t(alignment));
}
void operator delete(void *block, std::align_val_t alignment) noexcept {
    take(block, std::size_t(alignment));
}
#endif

template <class T> static T *opaque(T *block) {
    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}

static constexpr std::size_t size = 40;
static std::size_t asked = size;
static constexpr auto wide = std::align_val_t(64);
static const std::nothrow_t &quiet = std::nothrow;

static void *one() {
    return opaque(::operator new(asked));
}
static void *array() {
    return opaque(::operator new[](asked));
}
static void *one_wide() {
    return opaque(::operator new(asked, wide));
}
static void *array_wide() {
    return opaque(::operator new[](asked, wide));
}
static void *one_quiet() {
    return opaque(::operator new(asked, quiet));
}
static void *array_quiet() {
    return opaque(::operator new[](asked, quiet));
}
static void *one_wide_quiet() {
    return opaque(::operator new(asked, wide, quiet));
}
static void *array_wide_quiet() {
    return opaque(::operator new[](asked, wide, quiet));
}

static void end(void *block) {
    std::printf("%s", block == nullptr ? "null " : "");
}

static const std::map<std::string, std::function<void()>> forms = {
    {"new", [] { ::operator delete(one()); }},
    {"new[]", [] { ::operator delete[](array()); }},
    {"new aligned", [] { ::operator delete(one_wide(), wide); }},
    {"new[] aligned", [] { ::operator delete[](array_wide(), wide); }},
    {"new nothrow", [] { ::operator delete(one_quiet()); }},
    {"new[] nothrow", [] { ::operator delete[](array_quiet()); }},
    {"new aligned nothrow", [] { ::operator delete(one_wide_quiet(), wide); }},
    {"new[] aligned nothrow", [] { ::operator delete[](array_wide_quiet(), wide); }},
    {"delete sized", [] { ::operator delete(one(), size); }},
    {"delete[] sized", [] { ::operator delete[](array(), size); }},
    {"delete nothrow", [] { ::operator delete(one(), quiet); }},
    {"delete[] nothrow", [] { ::operator delete[](array(), quiet); }},
    {"delete sized aligned", [] { ::operator delete(one_wide(), size, wide); }},
    {"delete[] sized aligned", [] { ::operator delete[](array_wide(), size, wide); }},
    {"delete aligned nothrow", [] { ::operator delete(one_wide(), wide, quiet); }},
    {"delete[] aligned nothrow", [] { ::operator delete[](array_wide(), wide, quiet); }},
    {"null new", [] { end(one_quiet()); }},
    {"null new[]", [] { end(array_quiet()); }},
    {"null new aligned", [] { end(one_wide_quiet()); }},
    {"null new[] aligned", [] { end(array_wide_quiet()); }},
};

static void *(*const throwing[])() = {one, array, one_wide, array_wide};
static int handled;

// Without operators of its own: handlers that give up, throw, and are not there.
static int memory_runs_out() {
    asked = PTRDIFF_MAX;
    int thrown = 0;
    for (auto make : throwing) {
        try {
            make();
        } catch (const std::bad_alloc &) {
            thrown++;
        }
    }
    std::set_new_handler([] {
        handled++;
        throw std::bad_alloc();
    });
    for (auto make : throwing) {
        try {
            make();
        } catch (const std::bad_alloc &) {
            thrown++;
        }
    }
    bool null = !one_quiet() && !array_quiet() && !one_wide_quiet() && !array_wide_quiet();
    std::printf("%d thrown, %d handled, %s\n", thrown, handled, null ? "null" : "not null");
    return 0;
}

int main(int count, char **arguments) {
    std::string form = count > 1 ? arguments[1] : "";
    if (form == "memory runs out")
        return memory_runs_out();
    auto act = forms.at(form);
    long before = made, before_ended = ended;
    out_of_memory = form.rfind("null", 0) == 0;
    act();
    out_of_memory = false;
    std::printf("%ld %ld\n", made - before, ended - before_ended);
    return 0;
}
