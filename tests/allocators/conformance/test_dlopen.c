/* Libraries that come and go, and that allocate in constructors, destructors and TLS. */
#include "support.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* libplugin.so lies beside this program. */
static void *plugin_open(void) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    require(length > 0);
    path[length] = '\0';
    char plugin[PATH_MAX + 16];
    snprintf(plugin, sizeof plugin, "%s/libplugin.so", dirname(path));
    void *library = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
    require(library != NULL);
    return library;
}

static void *load_use_unload(void *argument) {
    (void)argument;
    for (size_t i = 0; i < 50; i++) {
        void *library = plugin_open();
        char *(*block)(size_t) = NULL;
        *(void **)&block = dlsym(library, "plugin_block");
        require(block != NULL);
        char *text = block(100 * i + 1);
        require(strcmp(text, "from the plugin") == 0);
        require(dlclose(library) == 0);
        free(text);
    }
    return NULL;
}

static void plugins_load_and_unload_in_many_threads(void **state) {
    (void)state;
    for (size_t round = 0; round < 10; round++) {
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, load_use_unload, NULL), 0);
        }
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        }
    }
}

static void a_failed_dlopen_leaves_a_message_and_no_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        assert_null(dlopen("no-such-library.so", RTLD_NOW));
        assert_non_null(dlerror());
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_load_and_unload_in_many_threads),
        cmocka_unit_test(a_failed_dlopen_leaves_a_message_and_no_damage),
    };
    return cmocka_run_group_tests(tests, provider_is_expected, NULL);
}
