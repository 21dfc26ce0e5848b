#define _GNU_SOURCE
#include "bench_system_calls.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static bench_io counted;
static int is_counting;
static uint32_t delay_microseconds;

bench_io bench_io_counted(void) { return counted; }
void bench_count_io(int is_on) { is_counting = is_on; }
void bench_delay_syncs(uint32_t microseconds) { delay_microseconds = microseconds; }

static void note_sync(void) {
  if (is_counting) counted.syncs++;
  if (delay_microseconds == 0) return;
  struct timespec rest = {delay_microseconds / 1000000, delay_microseconds % 1000000 * 1000L};
  while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {}
}

static ssize_t note_written(ssize_t count) {
  if (count > 0 && is_counting) counted.bytes_written += (uint64_t)count;
  return count;
}

// Weak, so that a program that is linked with another such set, as the one of all tests is, takes that one.
#define REPLACED __attribute__((weak))

REPLACED int fsync(int descriptor) {
  note_sync();
  return (int)syscall(SYS_fsync, descriptor);
}

REPLACED int fdatasync(int descriptor) {
  note_sync();
  return (int)syscall(SYS_fdatasync, descriptor);
}

REPLACED ssize_t write(int descriptor, const void *bytes, size_t count) {
  return note_written(syscall(SYS_write, descriptor, bytes, count));
}

REPLACED ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return note_written(syscall(SYS_pwrite64, descriptor, bytes, count, offset));
}

REPLACED ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return note_written(syscall(SYS_pwrite64, descriptor, bytes, count, offset));
}
