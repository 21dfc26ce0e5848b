// Definitions of libc's own names: each counts, is treated if it is its turn, and forwards to libc's.
//
// Both names of a call that has two (open and open64) are here: SQLite is compiled for 64-bit offsets, Swift
// imports the plain names.

#define _GNU_SOURCE
#include "faults.h"

#ifdef FAULTS_INTERPOSE

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/// libc's function of this name. dlsym never calls anything that is defined here while it is armed: each name
/// is resolved at its first call, and a constructor makes one of each that matters.
static void *libc_function(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

/// Declares `next`, libc's function `name`.
#define NEXT(type, name, parameters)                                        \
  static type(*next_##name) parameters;                                     \
  type(*next) parameters = __atomic_load_n(&next_##name, __ATOMIC_RELAXED); \
  if (next == NULL) {                                                       \
    next = (type(*) parameters)libc_function(#name);                        \
    __atomic_store_n(&next_##name, next, __ATOMIC_RELAXED);                 \
  }

/// A call that is not about bytes: `failure` is what it returns where it fails.
#define CALL(kind, type, name, parameters, arguments, failure)   \
  EXPORTED type name parameters {                                \
    NEXT(type, name, parameters)                                 \
    enum faults_verdict verdict = faults_meet(kind, #name);      \
    if (verdict == FAULTS_GIVE_UP) return failure;               \
    type result = next arguments;                                \
    if (verdict == FAULTS_DO_AND_DIE) faults_die();              \
    return result;                                               \
  }

/// A call that moves `count` bytes.
#define TRANSFER(kind, name, parameters, arguments)              \
  EXPORTED ssize_t name parameters {                             \
    NEXT(ssize_t, name, parameters)                              \
    enum faults_verdict verdict = faults_meet(kind, #name);      \
    if (verdict == FAULTS_GIVE_UP) return -1;                    \
    bool is_half = verdict == FAULTS_DO_HALF || verdict == FAULTS_DO_HALF_AND_DIE; \
    if (is_half && count > 1) count /= 2;                        \
    ssize_t result = next arguments;                             \
    if (verdict == FAULTS_DO_HALF_AND_DIE || verdict == FAULTS_DO_AND_DIE) faults_die(); \
    return result;                                               \
  }

/// A call of the open(2) family, whose mode is there only where a file may be made.
#define OPEN(name, parameters, arguments)                        \
  EXPORTED int name parameters {                                 \
    typedef int open_function parameters;                        \
    static open_function *found;                                 \
    open_function *next = __atomic_load_n(&found, __ATOMIC_RELAXED); \
    if (next == NULL) {                                          \
      next = (open_function *)libc_function(#name);              \
      __atomic_store_n(&found, next, __ATOMIC_RELAXED);          \
    }                                                            \
    mode_t mode = 0;                                             \
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
      va_list rest;                                              \
      va_start(rest, flags);                                     \
      mode = va_arg(rest, mode_t);                               \
      va_end(rest);                                              \
    }                                                            \
    enum faults_verdict verdict = faults_meet(FAULTS_OPEN, #name); \
    if (verdict == FAULTS_GIVE_UP) return -1;                    \
    int result = next arguments;                                 \
    if (verdict == FAULTS_DO_AND_DIE) faults_die();              \
    return result;                                               \
  }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
OPEN(openat64, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))

TRANSFER(FAULTS_READ, read, (int file, void *bytes, size_t count), (file, bytes, count))
TRANSFER(FAULTS_READ, pread, (int file, void *bytes, size_t count, off_t at), (file, bytes, count, at))
TRANSFER(FAULTS_READ, pread64, (int file, void *bytes, size_t count, off64_t at), (file, bytes, count, at))
TRANSFER(FAULTS_WRITE, write, (int file, const void *bytes, size_t count), (file, bytes, count))
TRANSFER(
    FAULTS_WRITE, pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at))
TRANSFER(
    FAULTS_WRITE, pwrite64, (int file, const void *bytes, size_t count, off64_t at),
    (file, bytes, count, at))

CALL(FAULTS_SYNC, int, fsync, (int file), (file), -1)
CALL(FAULTS_SYNC, int, fdatasync, (int file), (file), -1)
CALL(FAULTS_TRUNCATE, int, ftruncate, (int file, off_t size), (file, size), -1)
CALL(FAULTS_TRUNCATE, int, ftruncate64, (int file, off64_t size), (file, size), -1)
CALL(FAULTS_TRUNCATE, int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size), -1)
// Says its error by its result.
CALL(FAULTS_TRUNCATE, int, posix_fallocate, (int file, off_t at, off_t size), (file, at, size), errno)

CALL(FAULTS_RENAME, int, rename, (const char *from, const char *to), (from, to), -1)
CALL(
    FAULTS_RENAME, int, renameat, (int old, const char *from, int new, const char *to),
    (old, from, new, to), -1)
CALL(FAULTS_UNLINK, int, unlink, (const char *path), (path), -1)
CALL(FAULTS_UNLINK, int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags), -1)
CALL(FAULTS_UNLINK, int, rmdir, (const char *path), (path), -1)
CALL(FAULTS_MAKE, int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
CALL(FAULTS_MAKE, int, mknod, (const char *path, mode_t mode, dev_t device), (path, mode, device), -1)

CALL(FAULTS_LOOK, int, stat, (const char *path, struct stat *status), (path, status), -1)
CALL(FAULTS_LOOK, int, stat64, (const char *path, struct stat64 *status), (path, status), -1)
CALL(FAULTS_LOOK, int, lstat, (const char *path, struct stat *status), (path, status), -1)
CALL(FAULTS_LOOK, int, lstat64, (const char *path, struct stat64 *status), (path, status), -1)
CALL(FAULTS_LOOK, int, fstat, (int file, struct stat *status), (file, status), -1)
CALL(FAULTS_LOOK, int, fstat64, (int file, struct stat64 *status), (file, status), -1)
CALL(
    FAULTS_LOOK, int, statx,
    (int directory, const char *path, int flags, unsigned int wanted, struct statx *status),
    (directory, path, flags, wanted, status), -1)
CALL(FAULTS_LOOK, int, statfs, (const char *path, struct statfs *status), (path, status), -1)
CALL(FAULTS_LOOK, int, fstatfs, (int file, struct statfs *status), (file, status), -1)
CALL(FAULTS_LOOK, int, access, (const char *path, int mode), (path, mode), -1)
CALL(FAULTS_LOOK, ssize_t, readlink, (const char *path, char *bytes, size_t count), (path, bytes, count), -1)
CALL(FAULTS_LOOK, char *, realpath, (const char *path, char *resolved), (path, resolved), NULL)

CALL(FAULTS_MODE, int, chmod, (const char *path, mode_t mode), (path, mode), -1)
CALL(FAULTS_MODE, int, fchmod, (int file, mode_t mode), (file, mode), -1)
CALL(FAULTS_MODE, int, fchown, (int file, uid_t user, gid_t group), (file, user, group), -1)

CALL(FAULTS_DIRECTORY, DIR *, opendir, (const char *path), (path), NULL)
CALL(FAULTS_DIRECTORY, struct dirent *, readdir, (DIR * directory), (directory), NULL)
CALL(FAULTS_DIRECTORY, struct dirent64 *, readdir64, (DIR * directory), (directory), NULL)

CALL(
    FAULTS_MAP, void *, mmap, (void *address, size_t size, int protection, int flags, int file, off_t at),
    (address, size, protection, flags, file, at), MAP_FAILED)
CALL(
    FAULTS_MAP, void *, mmap64, (void *address, size_t size, int protection, int flags, int file, off64_t at),
    (address, size, protection, flags, file, at), MAP_FAILED)

CALL(
    FAULTS_THREAD, int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument),
    (thread, attributes, body, argument), errno)

EXPORTED int close(int file) {
  NEXT(int, close, (int))
  enum faults_verdict verdict = faults_meet(FAULTS_CLOSE, "close");
  int error = errno;
  int result = next(file);
  if (verdict == FAULTS_DO_AND_DIE) faults_die();
  if (verdict != FAULTS_GIVE_UP) return result;
  errno = error;
  return -1;
}

static uint64_t kind_of(int command, const void *argument) {
  const struct flock *lock = argument;
  switch (command) {
    case F_GETLK:
    case F_OFD_GETLK: return FAULTS_LOCK;
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      if (lock->l_type != F_UNLCK) return FAULTS_LOCK;
      return lock->l_start == 0 && lock->l_len == 0 ? FAULTS_UNLOCK : FAULTS_UNLOCK_RANGE;
    default: return FAULTS_CONTROL;
  }
}

/// Every argument of fcntl is an int or a pointer, and read as a pointer is passed on as it came.
#define CONTROL(name)                                                          \
  EXPORTED int name(int file, int command, ...) {                              \
    NEXT(int, name, (int, int, ...))                                           \
    va_list rest;                                                              \
    va_start(rest, command);                                                   \
    void *argument = va_arg(rest, void *);                                     \
    va_end(rest);                                                              \
    enum faults_verdict verdict = faults_meet(kind_of(command, argument), #name); \
    if (verdict == FAULTS_GIVE_UP) return -1;                                  \
    int result = next(file, command, argument);                                \
    if (verdict == FAULTS_DO_AND_DIE) faults_die();                            \
    return result;                                                             \
  }

CONTROL(fcntl)
CONTROL(fcntl64)

EXPORTED long syscall(long number, ...) {
  NEXT(long, syscall, (long, ...))
  va_list rest;
  va_start(rest, number);
  long words[6];
  for (int index = 0; index < 6; index++) words[index] = va_arg(rest, long);
  va_end(rest);
  enum faults_verdict verdict =
      number == SYS_futex ? faults_meet(FAULTS_FUTEX, "futex") : FAULTS_GO_ON;
  if (verdict == FAULTS_GIVE_UP) return -1;
  long result = next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
  if (verdict == FAULTS_DO_AND_DIE) faults_die();
  return result;
}

EXPORTED void *mremap(void *address, size_t before, size_t after, int flags, ...) {
  NEXT(void *, mremap, (void *, size_t, size_t, int, ...))
  va_list rest;
  va_start(rest, flags);
  void *target = (flags & MREMAP_FIXED) != 0 ? va_arg(rest, void *) : NULL;
  va_end(rest);
  if (faults_meet(FAULTS_MAP, "mremap") == FAULTS_GIVE_UP) return MAP_FAILED;
  return next(address, before, after, flags, target);
}

#endif
