#define _GNU_SOURCE
#include "floor_files.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/fs.h>
#include <time.h>
#include <unistd.h>

static void must(int is_true, const char *what) {
  if (is_true) return;
  fprintf(stderr, "cstate-bench: floor: %s: %s\n", what, strerror(errno));
  _exit(70);
}

static void look(int descriptor, const char *path, int flags) {
  struct statx status;
  unsigned wanted = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE;
  must(statx(descriptor, path, flags, wanted, &status) == 0, "statx");
}

static void set_lock(int descriptor, short type) {
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
  must(fcntl(descriptor, type == F_UNLCK ? F_SETLK : F_SETLKW, &lock) == 0, "fcntl");
}

static void write_record(int descriptor) {
  static char record[256] = "the holder";
  struct timespec times[2];
  clock_gettime(CLOCK_BOOTTIME, &times[0]);
  clock_gettime(CLOCK_REALTIME, &times[1]);
  memcpy(record + 32, times, sizeof times);
  must(pwrite(descriptor, record, sizeof record, 0) == sizeof record, "pwrite");
}

static int open_lock(const char *path) {
  int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  must(descriptor >= 0, path);
  return descriptor;
}

floor_lock floor_open_lock(const char *path) { return (floor_lock){open_lock(path), path}; }

void floor_lock_kept(floor_lock lock) {
  look(AT_FDCWD, lock.path, AT_SYMLINK_NOFOLLOW);
  set_lock(lock.descriptor, F_WRLCK);
  look(AT_FDCWD, lock.path, AT_SYMLINK_NOFOLLOW);
  write_record(lock.descriptor);
}

void floor_unlock_kept(floor_lock lock) { set_lock(lock.descriptor, F_UNLCK); }

void floor_lock_opened(const char *path) {
  look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  (void)geteuid();
  int descriptor = open_lock(path);
  look(descriptor, "", AT_EMPTY_PATH);
  set_lock(descriptor, F_WRLCK);
  look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  write_record(descriptor);
  set_lock(descriptor, F_UNLCK);
  close(descriptor);
}

int floor_take_lock(const char *path) {
  int descriptor = open_lock(path);
  set_lock(descriptor, F_WRLCK);
  look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  write_record(descriptor);
  return descriptor;
}

int floor_take_files(const char *lock_path, const char *copy_path, const void *bytes, uint64_t count) {
  int descriptor = floor_take_lock(lock_path);
  char temporary[4096];
  snprintf(temporary, sizeof temporary, "%s.new", copy_path);
  int copy = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  must(copy >= 0, temporary);
  must(write(copy, bytes, count) == (ssize_t)count, "write");
  close(copy);
  must(rename(temporary, copy_path) == 0, "rename");
  return descriptor;
}

void floor_keep_files(int descriptor) {
  set_lock(descriptor, F_UNLCK);
  close(descriptor);
}

void floor_drop_files(int descriptor, const char *lock_path, const char *copy_path) {
  unlink(copy_path);
  unlink(lock_path);
  floor_keep_files(descriptor);
}

int bench_run_program(char *const *words) {
  char *environment[] = {NULL};
  posix_spawn_file_actions_t actions;
  pid_t child;
  int status = -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  must(posix_spawn(&child, words[0], &actions, NULL, words, environment) == 0, words[0]);
  while (waitpid(child, &status, 0) < 0) must(errno == EINTR, "waitpid");
  posix_spawn_file_actions_destroy(&actions);
  return status;
}

int bench_copy_file(const char *from, const char *to) {
  int source = open(from, O_RDONLY | O_CLOEXEC);
  int copy = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  int failure = source < 0 || copy < 0 ? errno : 0;
  if (!failure && ioctl(copy, FICLONE, source) != 0) {
    ssize_t count;
    while ((count = copy_file_range(source, NULL, copy, NULL, 1 << 30, 0)) > 0) {}
    if (count < 0) failure = errno;
  }
  if (source >= 0) close(source);
  if (copy >= 0) close(copy);
  return failure;
}

void bench_sync_once(int descriptor) {
  static char frames[8304];
  must(pwrite(descriptor, frames, sizeof frames, 0) == sizeof frames, "pwrite");
  must(fdatasync(descriptor) == 0, "fdatasync");
}

uint64_t bench_calibrate(void) {
  uint64_t sum = 0x9e3779b97f4a7c15;
  for (uint32_t i = 0; i < 400000; i++) sum = (sum ^ i) * 0x9e3779b97f4a7c15 ^ (sum >> 29);
  return sum;
}
