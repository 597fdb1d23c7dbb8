// Every form of operator new and delete, 1000 times each, so that the recorder can be checked under
// allocators that export their own. With an argument also a new that throws: not all allocators
// can. Prints how many objects were made.
#include <cstdio>
#include <cstdlib>
#include <new>

struct alignas(64) Wide {
    char bytes[192];
};

// Keeps the compiler from leaving out a pair of new and delete, which the language allows it to.
template <class T> static T *kept(T *object) {
    __asm__ volatile("" : "+r"(object)::"memory");
    return object;
}

static void plain(long &made) {
    delete kept(new char);
    delete[] kept(new char[100]);
    delete kept(new (std::nothrow) int);
    delete[] kept(new (std::nothrow) int[25]);
    made += 4;
}

static void aligned(long &made) {
    delete kept(new Wide);
    delete[] kept(new Wide[3]);
    delete kept(new (std::nothrow) Wide);
    delete[] kept(new (std::nothrow) Wide[3]);
    made += 4;
}

static void explicit_forms(long &made) {
    ::operator delete(kept(::operator new(77)), std::nothrow);
    ::operator delete[](kept(::operator new[](77)), std::nothrow);
    ::operator delete (kept(::operator new (128, std::align_val_t{128})), std::align_val_t{128});
    ::operator delete (kept(::operator new(77)), std::size_t{77});
    made += 4;
}

static bool refuses_too_much() {
    volatile std::size_t huge = ~std::size_t{0} / 2;
    try {
        std::printf("%p\n", ::operator new(huge));
    } catch (const std::bad_alloc &) {
        return ::operator new(huge, std::nothrow) == nullptr;
    }
    return false;
}

int main(int argc, char **) {
    long made = 0;
    for (int i = 0; i < 1000; i++) {
        plain(made);
        aligned(made);
        explicit_forms(made);
    }
    if (argc > 1 && !refuses_too_much())
        return 1;
    std::printf("%ld\n", made);
    return 0;
}
