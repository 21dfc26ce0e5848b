#ifndef CFAULTS_H
#define CFAULTS_H

#include <stdbool.h>
#include <stdint.h>

/// System calls counted and treated under everything in this process: SQLite's VFS, our own layers, the host.
///
/// An executable that links this target defines libc's own names. Symbols of the executable come first, so
/// libsqlite3 and Swift call them too; calls that libc makes of itself are not seen. While nothing is armed
/// they only forward. Under ThreadSanitizer, which has interceptors of its own, the target is empty.

/// Kinds of calls, to be combined.
enum faults_calls {
  FAULTS_OPEN = 1 << 0,       // open, open64, openat, openat64, creat
  FAULTS_READ = 1 << 1,       // read, pread, pread64
  FAULTS_WRITE = 1 << 2,      // write, pwrite, pwrite64
  FAULTS_SYNC = 1 << 3,       // fsync, fdatasync
  FAULTS_TRUNCATE = 1 << 4,   // ftruncate, ftruncate64, fallocate, posix_fallocate
  FAULTS_RENAME = 1 << 5,     // rename, renameat
  FAULTS_UNLINK = 1 << 6,     // unlink, unlinkat, rmdir
  FAULTS_MAKE = 1 << 7,       // mkdir, mknod
  FAULTS_LOCK = 1 << 8,       // fcntl: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, but to unlock; GETLK
  FAULTS_UNLOCK = 1 << 9,     // fcntl: the same with F_UNLCK, of a whole file
  FAULTS_MAP = 1 << 10,       // mmap, mmap64, mremap
  FAULTS_LOOK = 1 << 11,      // stat, lstat, fstat (and 64), statx, statfs, fstatfs, access, readlink,
                              // realpath
  FAULTS_MODE = 1 << 12,      // chmod, fchmod, fchown
  FAULTS_DIRECTORY = 1 << 13, // opendir, readdir, readdir64
  FAULTS_CLOSE = 1 << 14,     // close: a failed one has closed all the same, as in Linux
  FAULTS_FUTEX = 1 << 15,     // syscall(SYS_futex)
  FAULTS_THREAD = 1 << 16,    // pthread_create
  FAULTS_MEMORY = 1 << 17,    // SQLite's malloc and realloc, see faults_watch_sqlite_memory
  FAULTS_CONTROL = 1 << 18,   // fcntl with every other command
  FAULTS_UNLOCK_RANGE = 1 << 19,  // fcntl: F_UNLCK of some bytes, which SQLite ignores the failure of
};

enum faults_mode {
  /// Returns -1 with `error` in errno, without having done anything.
  FAULTS_FAIL = 0,
  /// Reads or writes half of what was asked for, at least one byte. Only FAULTS_READ and FAULTS_WRITE count.
  FAULTS_SHORT = 1,
  /// The process kills itself before the call.
  FAULTS_KILL = 2,
  /// The process kills itself after half of a write; only FAULTS_WRITE counts.
  FAULTS_TEAR = 3,
  /// The process stops itself before the call, and makes it when it is continued.
  FAULTS_STOP = 4,
  /// The call is made after `delay_us`.
  FAULTS_DELAY = 5,
  /// The call is made, and then the process kills itself.
  FAULTS_KILL_AFTER = 6,
};

/// What is to happen to which call.
typedef struct {
  /// Of `faults_calls`: what is counted.
  uint64_t calls;
  /// Which of them is treated, from 1.
  uint64_t nth;
  /// Of `faults_mode`.
  uint32_t mode;
  /// An errno, for FAULTS_FAIL. With FAULTS_SHORT and `forever` all after the short one fail with it, as on a
  /// disk that is full; 0: they are short too.
  int32_t error;
  /// 0: the nth alone. 1: it and all after it. k: it and every k-th after it.
  uint32_t forever;
  uint32_t delay_us;
  /// Counts what is treated, before that is done; in memory that others share it outlives this process.
  /// NULL for none.
  uint64_t *hits;
} faults_plan;

/// From now on calls are counted from 0 and treated as the plan says, on every thread. Not to be called while
/// another thread is in a call that is counted.
void faults_arm(const faults_plan *plan);
/// Calls only forward again; what was counted can still be asked for.
void faults_disarm(void);
/// From now on the calling thread's calls only forward and are not counted, or are again; returns what it was
/// before. What a program under test needs for itself, such as its account of what happened, is spared so.
bool faults_spare(bool is_spared);
/// Calls of the plan's kinds since it was armed.
uint64_t faults_counted(void);
/// How many of them were treated.
uint64_t faults_fired(void);
/// The name of the last one that was treated, "" where none was.
const char *faults_last(void);
/// 1 where calls are interposed in this build.
int faults_are_possible(void);

/// Puts SQLite's allocations under FAULTS_MEMORY; before anything else of SQLite is called. 0, or its code.
int faults_watch_sqlite_memory(void);

#endif
