#define _GNU_SOURCE
#include "platform_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int look(int descriptor, const char *path, int flags, platform_file_status *status) {
  struct statx found;
  unsigned int wanted = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE;
  if (statx(descriptor, path, flags, wanted, &found) != 0) return errno;
  status->device = makedev(found.stx_dev_major, found.stx_dev_minor);
  status->inode = found.stx_ino;
  status->links = found.stx_nlink;
  status->size = found.stx_size;
  status->mode = found.stx_mode;
  status->user_id = found.stx_uid;
  return 0;
}

int platform_look_at_path(const char *path, platform_file_status *status) {
  return look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, status);
}

int platform_look_at_descriptor(int descriptor, platform_file_status *status) {
  return look(descriptor, "", AT_EMPTY_PATH, status);
}

int platform_open_directory(const char *path) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  // To note that it was read would be a write, which may have to wait for the journal.
  int descriptor = open(path, flags | O_NOATIME);
  return descriptor < 0 && errno == EPERM ? open(path, flags) : descriptor;
}

int platform_look_at_directory(int descriptor, platform_directory_stamp *stamp) {
  struct statx found;
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_INO | STATX_CTIME, &found) != 0) return errno;
  if (!(found.stx_mask & STATX_CTIME)) return ENOSYS;
  stamp->device = makedev(found.stx_dev_major, found.stx_dev_minor);
  stamp->inode = found.stx_ino;
  stamp->changed_ns = (int64_t)((uint64_t)found.stx_ctime.tv_sec * 1000000000 + found.stx_ctime.tv_nsec);
  return 0;
}

int platform_await_directory(int descriptor) {
  char entries[4096];
  // The lock is taken wherever the last call has stopped, at the end too, and what is read does not matter.
  return syscall(SYS_getdents64, descriptor, entries, sizeof entries) >= 0 ? 0 : errno;
}

int platform_writeback_error(int descriptor) {
  // A page that no file of ours reaches, so there is none to wait for.
  off_t beyond = (off_t)1 << 40;
  return sync_file_range(descriptor, beyond, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0 ? 0 : errno;
}
