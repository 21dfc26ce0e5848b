#ifndef CPLATFORM_LOCKS_H
#define CPLATFORM_LOCKS_H

#include <stdint.h>

/// In the page that the kernel wipes in a forked child; for `platform_fork_token`.
extern const uint64_t *platform_fork_page_token;
/// The token of this process, 0 in a forked child that has not asked for one. One load.
static inline uint64_t platform_fork_token(void) {
    return __atomic_load_n(platform_fork_page_token, __ATOMIC_RELAXED);
}
/// The token of this process; a process without one gets one that none of its ancestors had.
uint64_t platform_fork_token_ensure(void);

/// The cached start time of the process with this number, 0 when nothing is cached since the last fork.
uint64_t platform_cached_start_time(int32_t process_id);
void platform_cache_start_time(int32_t process_id, uint64_t start_time);

/// The value this thread has stored, NULL when none. `destroy` runs with it when the thread ends.
void *platform_thread_slot(void);
void platform_set_thread_slot(void *value, void (*destroy)(void *));

/// Classic record locks on one range of bytes (`length` 0: to the end). 0 or an errno.
int platform_lock_try(int descriptor, int64_t start, int64_t length);
/// As `try`, a lock that any number of processes can have together.
int platform_lock_share(int descriptor, int64_t start, int64_t length);
int platform_lock_wait(int descriptor, int64_t start, int64_t length);
int platform_lock_release(int descriptor, int64_t start, int64_t length);
/// Who holds a conflicting lock, this process included: 0 and a process number (0: not visible from
/// this pid namespace, -1: nobody), or an errno.
int platform_lock_owner(int descriptor, int64_t start, int64_t length, int32_t *process_id);

/// Waits until the word is not 0 and returns it, or returns 0 at the deadline (CLOCK_MONOTONIC
/// nanoseconds, UINT64_MAX: none).
uint32_t platform_park(uint32_t *word, uint64_t deadline_nanoseconds);
void platform_unpark(uint32_t *word, uint32_t value);
uint32_t platform_load_word(const uint32_t *word);
void platform_reset_word(uint32_t *word);

/// Sleeps while a word that processes share has this value, at most until the deadline (CLOCK_MONOTONIC
/// nanoseconds); shorter where it is woken, or a signal arrives.
void platform_sleep_shared(const uint32_t *word, uint32_t value, uint64_t deadline_nanoseconds);
/// Wakes so many of those who sleep on the word, of whatever process.
void platform_wake_shared(const uint32_t *word, int count);

/// Tells ThreadSanitizer that what was written before `releasing` is seen after `acquired` of the same
/// address; nothing in other builds.
void platform_sanitizer_acquired(uintptr_t address);
void platform_sanitizer_releasing(uintptr_t address);

/// Starts a detached thread with all signals blocked. 0 or an errno.
int platform_start_quiet_thread(void *(*body)(void *), void *argument);

uint64_t platform_clock_nanoseconds(int clock);

/// The type of the file system a descriptor is on (statfs(2)). 0 or an errno.
int platform_file_system_type(int descriptor, int64_t *type);
#endif
