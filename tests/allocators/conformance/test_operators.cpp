// Every form of operator new and delete, and C++ objects that allocate while a thread ends.
#include "support.h"

#include <csetjmp>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include <cmocka.h>
}

namespace {

constexpr std::size_t sizes[] = {0, 1, 16, 100, 1000, 5000, 40000, 300000, 3 << 20};
constexpr std::size_t impossible = PTRDIFF_MAX;

void use_whole(void *block, std::size_t size) {
    assert_non_null(block);
    assert_true(malloc_usable_size(block) >= size);
    std::memset(block, 0xA5, malloc_usable_size(block));
}

void plain_and_sized_forms_match(void **) {
    for (std::size_t size : sizes) {
        void *block = ::operator new(size);
        use_whole(block, size);
        ::operator delete(block);
        block = ::operator new(size);
        use_whole(block, size);
        ::operator delete(block, size);
        block = ::operator new[](size);
        use_whole(block, size);
        ::operator delete[](block);
        block = ::operator new[](size);
        use_whole(block, size);
        ::operator delete[](block, size);
    }
}

void nothrow_forms_match(void **) {
    for (std::size_t size : sizes) {
        void *block = ::operator new(size, std::nothrow);
        use_whole(block, size);
        ::operator delete(block, std::nothrow);
        block = ::operator new[](size, std::nothrow);
        use_whole(block, size);
        ::operator delete[](block, std::nothrow);
    }
}

void use_aligned(void *block, std::size_t size, std::align_val_t alignment) {
    assert_int_equal(reinterpret_cast<std::uintptr_t>(block) % std::size_t(alignment), 0);
    use_whole(block, size);
}

void aligned_forms_match(void **) {
    for (std::size_t power = 1; power <= (1 << 16); power *= 2) {
        for (std::size_t size : sizes) {
            auto alignment = std::align_val_t(power);
            void *block = ::operator new(size, alignment);
            use_aligned(block, size, alignment);
            ::operator delete(block, alignment);
            block = ::operator new[](size, alignment);
            use_aligned(block, size, alignment);
            ::operator delete[](block, size, alignment);
            block = ::operator new(size, alignment, std::nothrow);
            use_aligned(block, size, alignment);
            ::operator delete(block, size, alignment);
            block = ::operator new[](size, alignment, std::nothrow);
            use_aligned(block, size, alignment);
            ::operator delete[](block, alignment, std::nothrow);
        }
    }
}

bool throws_bad_alloc(void *(*allocate)(std::size_t)) {
    try {
        allocate(opaque_size(impossible));
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

void impossible_sizes_throw_or_give_null(void **) {
    assert_true(throws_bad_alloc([](std::size_t size) { return ::operator new(size); }));
    assert_true(throws_bad_alloc([](std::size_t size) { return ::operator new[](size); }));
    assert_true(throws_bad_alloc(
        [](std::size_t size) { return ::operator new(size, std::align_val_t(64)); }));
    assert_null(::operator new(opaque_size(impossible), std::nothrow));
    assert_null(::operator new[](opaque_size(impossible), std::nothrow));
    assert_null(::operator new(opaque_size(impossible), std::align_val_t(64), std::nothrow));
}

int handler_calls = 0;

void the_new_handler_is_called_until_it_gives_up(void **) {
    handler_calls = 0;
    std::set_new_handler([] {
        if (++handler_calls == 3) {
            std::set_new_handler(nullptr);
        }
    });
    assert_true(throws_bad_alloc([](std::size_t size) { return ::operator new(size); }));
    assert_int_equal(handler_calls, 3);
}

void deleting_null_does_nothing(void **) {
    ::operator delete(nullptr);
    ::operator delete[](nullptr, std::size_t(8));
    ::operator delete(nullptr, std::align_val_t(64));
}

struct alignas(256) Wide {
    char bytes[300];
};

void over_aligned_types_are_aligned(void **) {
    for (int count = 1; count < 40; count++) {
        auto array = std::make_unique<Wide[]>(count);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(array.get()) % 256, 0);
        std::memset(array.get(), 1, sizeof(Wide) * count);
    }
}

void exceptions_pass_through_frames_that_own_memory(void **) {
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            std::vector<std::string> owned(i % 50, std::string(i % 300, 'x'));
            throw std::map<int, std::string>{{i, std::string(1000, 'y')}};
        } catch (const std::map<int, std::string> &thrown) {
            caught += thrown.at(i).size() == 1000;
        }
    }
    assert_int_equal(caught, 2000);
}

// Its destructor runs while the thread is torn down: it frees, and allocates and frees again.
struct Lingering {
    std::vector<std::string> kept;
    ~Lingering() {
        kept.resize(kept.size() * 2, std::string(500, 'z'));
        for (const std::string &text : kept) {
            require(text.size() == 500);
        }
    }
};

void thread_local_destructors_may_allocate_and_free(void **) {
    for (int round = 0; round < 200; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++) {
            threads.emplace_back([round] {
                thread_local Lingering first;
                thread_local Lingering second;
                first.kept.assign(round % 20 + 1, std::string(500, 'z'));
                second.kept.assign(round % 7 + 1, std::string(500, 'z'));
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
}

} // namespace

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_sized_forms_match),
        cmocka_unit_test(nothrow_forms_match),
        cmocka_unit_test(aligned_forms_match),
        cmocka_unit_test(impossible_sizes_throw_or_give_null),
        cmocka_unit_test(the_new_handler_is_called_until_it_gives_up),
        cmocka_unit_test(deleting_null_does_nothing),
        cmocka_unit_test(over_aligned_types_are_aligned),
        cmocka_unit_test(exceptions_pass_through_frames_that_own_memory),
        cmocka_unit_test(thread_local_destructors_may_allocate_and_free),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, nullptr);
}
