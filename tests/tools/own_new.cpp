// A program that replaces operator new and delete in their plain forms, by blocks with a header of
// its own. The other forms must come here ([new.delete]); one that does not finds no header. Prints
// how many objects were made and ended.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

static const char header[16] = "own operator ne";
static long made, ended;

void *operator new(std::size_t size) {
    char *block = static_cast<char *>(std::malloc(size + sizeof header));
    if (!block)
        throw std::bad_alloc();
    std::memcpy(block, header, sizeof header);
    made++;
    return block + sizeof header;
}

#pragma GCC diagnostic ignored "-Wsized-deallocation" // the sized form is left to the library
void operator delete(void *address) noexcept {
    if (!address)
        return;
    char *block = static_cast<char *>(address) - sizeof header;
    if (std::memcmp(block, header, sizeof header) != 0)
        std::_Exit(3);
    ended++;
    std::free(block);
}

// Keeps the compiler from leaving out a pair of new and delete, which the language allows it to.
template <class T> static T *kept(T *object) {
    __asm__ volatile("" : "+r"(object)::"memory");
    return object;
}

int main() {
    for (int i = 0; i < 100; i++) {
        ::operator delete (kept(::operator new(333 - 16)), std::size_t{333 - 16});
        ::operator delete[](kept(::operator new[](333 - 16)));
        ::operator delete[](kept(::operator new[](333 - 16)), std::size_t{333 - 16});
        ::operator delete(kept(::operator new(333 - 16, std::nothrow)), std::nothrow);
        ::operator delete[](kept(::operator new[](333 - 16, std::nothrow)), std::nothrow);
    }
    std::printf("%ld %ld\n", made, ended);
    return 0;
}
