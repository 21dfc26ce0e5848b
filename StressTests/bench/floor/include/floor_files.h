#ifndef FLOOR_FILES_H
#define FLOOR_FILES_H

#include <stdint.h>

/// A lockfile that stays open.
typedef struct {
  int descriptor;
  const char *path;
} floor_lock;

/// The same system calls as a lock of the store with a lockfile that is open already: look at the path, lock,
/// look again, write a holder record of 256 bytes.
void floor_lock_kept(floor_lock lock);
void floor_unlock_kept(floor_lock lock);
/// Lock and unlock with a lockfile that has to be opened and is closed in the end.
void floor_lock_opened(const char *path);
/// Opens a lockfile, making it where it is missing.
floor_lock floor_open_lock(const char *path);

/// Locks a new lockfile, copies a specification beside it, and lets both go again by `floor_drop_files`.
int floor_take_files(const char *lock_path, const char *copy_path, const void *bytes, uint64_t count);
void floor_drop_files(int descriptor, const char *lock_path, const char *copy_path);
/// Lets the lock of `floor_take_files` go and keeps the files.
void floor_keep_files(int descriptor);
/// Locks a lockfile that is there; its descriptor.
int floor_take_lock(const char *path);

/// Starts a program with its output thrown away, and waits for its end; its wait(2) status.
int bench_run_program(char *const *words);

/// Copies a file, sharing its blocks where the file system can. 0 or an errno.
int bench_copy_file(const char *from, const char *to);

/// Overwrites 8 KB of an open file and syncs it.
void bench_sync_once(int descriptor);
/// A fixed piece of arithmetic, about a millisecond long; what the noise of the machine is measured with.
uint64_t bench_calibrate(void);

#endif
