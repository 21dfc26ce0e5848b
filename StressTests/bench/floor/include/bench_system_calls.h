#ifndef BENCH_SYSTEM_CALLS_H
#define BENCH_SYSTEM_CALLS_H

#include <stdint.h>

// This target defines fsync, fdatasync, write, pwrite and pwrite64: symbols of the executable come first, so
// libsqlite3 and the store call them too. They count, and delay syncs where asked to, and do what their
// namesakes of the C library do.

typedef struct {
  uint64_t syncs;
  uint64_t bytes_written;
} bench_io;

/// What this process has synced and written so far; only while counting is on.
bench_io bench_io_counted(void);
void bench_count_io(int is_on);
/// From now on every sync of this process takes so much longer.
void bench_delay_syncs(uint32_t microseconds);

#endif
