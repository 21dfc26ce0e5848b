#define _GNU_SOURCE
#include "platform_watch.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

int platform_watch_file(const char *path) {
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0) return -1;
    // IN_ATTRIB: an unlink of a file that somebody has open shows as nothing else.
    uint32_t events = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
    if (inotify_add_watch(watch, path, events) >= 0) return watch;
    int code = errno;
    close(watch);
    errno = code;
    return -1;
}

int platform_watch_wake_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void platform_watch_wake(int wake) { (void)!eventfd_write(wake, 1); }

void platform_watch_drain(int watch) {
    char events[4096];
    ssize_t count;
    do {
        count = read(watch, events, sizeof events);
    } while (count > 0 || (count < 0 && errno == EINTR));
}

static uint64_t now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int platform_watch_wait(int watch, int wake, uint64_t deadline_nanoseconds) {
    // poll(2) leaves out an entry whose descriptor is negative.
    struct pollfd entries[] = {{.fd = watch, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    for (;;) {
        uint64_t now = now_nanoseconds();
        uint64_t rest = deadline_nanoseconds > now ? deadline_nanoseconds - now : 0;
        struct timespec timeout = {
            .tv_sec = (time_t)(rest / 1000000000u), .tv_nsec = (long)(rest % 1000000000u)};
        int count = ppoll(entries, 2, deadline_nanoseconds == UINT64_MAX ? NULL : &timeout, NULL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return 0;
        return (entries[0].revents != 0 ? PLATFORM_WATCH_EVENT : 0)
            | (entries[1].revents != 0 ? PLATFORM_WATCH_WAKE : 0);
    }
}
