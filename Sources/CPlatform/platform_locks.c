#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

// The page the kernel wipes in a forked child.

struct fork_page {
    uint64_t token;
    _Atomic uint64_t start_time;
    _Atomic int32_t process_id;
};

static struct fork_page unmapped_page;
static struct fork_page *fork_page = &unmapped_page;
const uint64_t *platform_fork_page_token = &unmapped_page.token;
static _Atomic uint64_t last_token;

static void wipe_fork_page(void) {
    __atomic_store_n(&fork_page->token, 0, __ATOMIC_SEQ_CST);
    atomic_store(&fork_page->start_time, 0);
    atomic_store(&fork_page->process_id, 0);
}

// Before main, so that no thread can be inside it when another one forks.
__attribute__((constructor)) static void map_fork_page(void) {
    void *page = mmap(NULL, sizeof(struct fork_page), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) {
        fork_page = page;
        platform_fork_page_token = &fork_page->token;
        if (madvise(page, sizeof(struct fork_page), MADV_WIPEONFORK) == 0) return;
    }
    pthread_atfork(NULL, NULL, wipe_fork_page);
}

uint64_t platform_fork_token_ensure(void) {
    uint64_t token = platform_fork_token();
    if (token != 0) return token;
    // The counter is ordinary memory: a child goes on from its parent's.
    uint64_t next = atomic_fetch_add(&last_token, 1) + 1;
    bool is_first = __atomic_compare_exchange_n(
        &fork_page->token, &token, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return is_first ? next : token;
}

uint64_t platform_cached_start_time(int32_t process_id) {
    if (atomic_load_explicit(&fork_page->process_id, memory_order_acquire) != process_id) return 0;
    return atomic_load_explicit(&fork_page->start_time, memory_order_relaxed);
}

void platform_cache_start_time(int32_t process_id, uint64_t start_time) {
    atomic_store_explicit(&fork_page->start_time, start_time, memory_order_relaxed);
    atomic_store_explicit(&fork_page->process_id, process_id, memory_order_release);
}

// One value per thread.

static _Thread_local void *thread_value;
static _Thread_local void (*thread_destroy)(void *);
static pthread_key_t thread_key;
static bool has_thread_key;

static void destroy_thread_value(void *value) {
    thread_value = NULL;
    if (thread_destroy) thread_destroy(value);
}

__attribute__((constructor)) static void make_thread_key(void) {
    has_thread_key = pthread_key_create(&thread_key, destroy_thread_value) == 0;
}

void *platform_thread_slot(void) { return thread_value; }

void platform_set_thread_slot(void *value, void (*destroy)(void *)) {
    thread_destroy = destroy;
    thread_value = value;
    // The key is only there to run at the end of the thread: without it the value outlives the thread.
    if (has_thread_key) pthread_setspecific(thread_key, value);
}

// Record locks.

static int set_lock(int descriptor, int command, short type, int64_t start, int64_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(descriptor, command, &lock) == 0 ? 0 : errno;
}

int platform_lock_try(int descriptor, int64_t start, int64_t length) {
    return set_lock(descriptor, F_SETLK, F_WRLCK, start, length);
}

int platform_lock_share(int descriptor, int64_t start, int64_t length) {
    return set_lock(descriptor, F_SETLK, F_RDLCK, start, length);
}

int platform_lock_wait(int descriptor, int64_t start, int64_t length) {
    return set_lock(descriptor, F_SETLKW, F_WRLCK, start, length);
}

int platform_lock_release(int descriptor, int64_t start, int64_t length) {
    int code = 0;
    // A kernel short of memory may refuse even this (ENOLCK), for a moment.
    for (int attempt = 0; attempt < 8; attempt++) {
        code = set_lock(descriptor, F_SETLK, F_UNLCK, start, length);
        if (code == 0) break;
        sched_yield();
    }
    return code;
}

int platform_lock_owner(int descriptor, int64_t start, int64_t length, int32_t *process_id) {
    // Asked as an open-file-description owner, the kernel also names locks of the asking process.
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    *process_id = -1;
    if (fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return errno;
    if (lock.l_type != F_UNLCK) *process_id = lock.l_pid > 0 ? lock.l_pid : 0;
    return 0;
}

// Parking.

uint32_t platform_load_word(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

void platform_reset_word(uint32_t *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }

static struct timespec absolute_time(uint64_t nanoseconds) {
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000u),
                             .tv_nsec = (long)(nanoseconds % 1000000000u)};
}

uint32_t platform_park(uint32_t *word, uint64_t deadline_nanoseconds) {
    struct timespec deadline = absolute_time(deadline_nanoseconds);
    for (;;) {
        uint32_t value = platform_load_word(word);
        if (value != 0) return value;
        long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0,
                              deadline_nanoseconds == UINT64_MAX ? NULL : &deadline, NULL,
                              FUTEX_BITSET_MATCH_ANY);
        if (result != 0 && errno == ETIMEDOUT) return platform_load_word(word);
    }
}

void platform_unpark(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

void platform_sleep_shared(const uint32_t *word, uint32_t value, uint64_t deadline_nanoseconds) {
    struct timespec deadline = absolute_time(deadline_nanoseconds);
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

void platform_wake_shared(const uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

// ThreadSanitizer.

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if __has_feature(thread_sanitizer)
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void platform_sanitizer_acquired(uintptr_t address) { __tsan_acquire((void *)address); }
void platform_sanitizer_releasing(uintptr_t address) { __tsan_release((void *)address); }
#else
void platform_sanitizer_acquired(uintptr_t address) { (void)address; }
void platform_sanitizer_releasing(uintptr_t address) { (void)address; }
#endif

// Threads.

int platform_start_quiet_thread(void *(*body)(void *), void *argument) {
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    int code = pthread_attr_init(&attributes);
    if (code != 0) return code;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    // The new thread inherits the mask: the host program's signals are never delivered to it.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return code;
}

uint64_t platform_clock_nanoseconds(int clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int platform_file_system_type(int descriptor, int64_t *type) {
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0) return errno;
    *type = (int64_t)status.f_type;
    return 0;
}
