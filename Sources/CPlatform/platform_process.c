#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t platform_fork_call(int (*body)(void *context), void *context) {
  pid_t pid = fork();
  if (pid == 0) {
    _exit(body(context));
  }
  return pid;
}

int platform_pidfd_open(pid_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);  // The kernel sets close-on-exec by itself.
}

int platform_set_child_subreaper(void) {
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int platform_pipe(int ends[2]) {
  return pipe2(ends, O_CLOEXEC);
}

int platform_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest) {
  return posix_spawn_file_actions_addclosefrom_np(actions, lowest);
}

int platform_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *directory) {
  return directory == NULL ? 0 : posix_spawn_file_actions_addchdir_np(actions, directory);
}

/// Removes one entry of the walk; 0 or an errno.
static int remove_entry(const FTSENT *entry) {
  switch (entry->fts_info) {
    case FTS_D:
      // Before its entries are read: a test may have taken its own permissions away.
      (void)chmod(entry->fts_accpath, S_IRWXU);
      return 0;
    case FTS_NS:
    case FTS_ERR:
      return entry->fts_errno == ENOENT ? 0 : entry->fts_errno;
    default:
      return remove(entry->fts_accpath) == 0 || errno == ENOENT ? 0 : errno;
  }
}

int platform_remove_tree(const char *path) {
  char *const roots[] = {(char *)path, NULL};
  FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
  if (walk == NULL) {
    return -1;
  }
  int first_error = 0;
  for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
    int error = remove_entry(entry);
    if (first_error == 0) {
      first_error = error;
    }
  }
  fts_close(walk);
  errno = first_error;
  return first_error == 0 ? 0 : -1;
}
