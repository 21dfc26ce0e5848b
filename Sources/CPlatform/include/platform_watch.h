#ifndef CPLATFORM_WATCH_H
#define CPLATFORM_WATCH_H

#include <stdint.h>

/// Waiting for writes to a file, which inotify(7) watches by its path: no descriptor of the file is opened.

/// What ended `platform_watch_wait`; several may have come together.
enum {
    PLATFORM_WATCH_EVENT = 1,
    PLATFORM_WATCH_WAKE = 2,
};

/// A close-on-exec, non-blocking descriptor that becomes readable when the file at `path` is written to,
/// moved or removed; -1 with errno set.
int platform_watch_file(const char *path);

/// A close-on-exec, non-blocking descriptor that `platform_watch_wake` makes readable for good; -1 with errno
/// set.
int platform_watch_wake_descriptor(void);

/// Makes a descriptor of `platform_watch_wake_descriptor` readable.
void platform_watch_wake(int wake);

/// Takes all events that a descriptor of `platform_watch_file` holds.
void platform_watch_drain(int watch);

/// Waits until one of the descriptors is readable or the deadline (CLOCK_MONOTONIC) has passed; `UINT64_MAX`
/// is none. Either descriptor may be -1. Returns what ended it, 0 for the deadline; takes no event.
int platform_watch_wait(int watch, int wake, uint64_t deadline_nanoseconds);
#endif
