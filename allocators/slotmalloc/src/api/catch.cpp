// Calls a throwing operator new for a nothrow one. The references that the compiler makes to C++'s
// runtime are weak, so that this library can be preloaded into programs that have none: there
// nothing is thrown, and cxx.c does not come here.
#include <stddef.h>

__asm__(".weak __gxx_personality_v0\n"
        ".weak __cxa_begin_catch\n"
        ".weak __cxa_end_catch\n"
        ".weak _Unwind_Resume\n"
        ".weak _ZSt9terminatev");

extern "C" __attribute__((visibility("hidden"))) void *
cxx_caught(void *(*form)(size_t size, size_t align), size_t size, size_t align) noexcept {
    try {
        return form(size, align);
    } catch (...) {
        return nullptr;
    }
}
