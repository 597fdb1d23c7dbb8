// A peer: Boost.Interprocess managed_shared_memory, a best-fit tree under an interprocess mutex.
// Built where its headers are installed.
#include "contender.h"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <string>
#include <unistd.h>

namespace ipc = boost::interprocess;

static ipc::managed_shared_memory *segment;
static std::string name;

static bool open_pool(size_t pool_bytes) {
    name = "shm-bench-boost-" + std::to_string(getpid());
    ipc::shared_memory_object::remove(name.c_str());
    segment = new ipc::managed_shared_memory(ipc::create_only, name.c_str(), pool_bytes);
    ipc::shared_memory_object::remove(name.c_str());
    return true;
}

static bool allocate(size_t size, shared_block *block) {
    void *at = segment->allocate(size, std::nothrow);
    *block = shared_block{at, 0};
    return at != nullptr;
}

static void release(const shared_block *block, size_t) {
    segment->deallocate(block->address);
}

static void close_pool() {
    delete segment;
}

static contender boost_contender = {"boost", 3, open_pool, allocate, release, close_pool, nullptr};
REGISTER_CONTENDER(boost_contender);
