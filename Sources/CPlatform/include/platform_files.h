#ifndef CPLATFORM_FILES_H
#define CPLATFORM_FILES_H

#include <stdint.h>

/// What is asked of a file of a store.
///
/// statx(2) without any time, not stat(2): the kernel takes a look at the change time of a file as a
/// reason to stamp the next write more finely, which dirties the inode every time, and the sync of the
/// WAL then writes that block too.
typedef struct {
  uint64_t device;
  uint64_t inode;
  uint64_t links;
  uint64_t size;
  uint32_t mode;
  uint32_t user_id;
} platform_file_status;

/// Of what is at the path, itself when it is a symbolic link. 0 or an errno.
int platform_look_at_path(const char *path, platform_file_status *status);
/// Of an open file. 0 or an errno.
int platform_look_at_descriptor(int descriptor, platform_file_status *status);

/// Which directory is open, and when a name in it was last made, taken away or given to another file.
typedef struct {
  uint64_t device;
  uint64_t inode;
  /// Its change time, in nanoseconds of the kernel's real time.
  int64_t changed_ns;
} platform_directory_stamp;

/// Opens the directory at the path, not what a symbolic link leads to; -1 and errno where it cannot be.
int platform_open_directory(const char *path);
/// 0 or an errno.
int platform_look_at_directory(int descriptor, platform_directory_stamp *stamp);
/// Waits until every change of a name that has stamped the directory by now shows in paths. 0 or an errno.
///
/// The kernel reads a directory under its lock (iterate_dir()), which whoever changes a name in it has until
/// the change shows (lock_rename(), do_unlinkat()); looks by path take no lock.
int platform_await_directory(int descriptor);

/// Whether the kernel could not write back pages of the file since it was opened here, or since this was
/// asked last: 0 or an errno. Writes nothing, and waits for nothing.
///
/// The kernel tells each open file of an error once, whoever else was told (errseq_t); this is the part of
/// fdatasync(2) that asks.
int platform_writeback_error(int descriptor);

#endif
