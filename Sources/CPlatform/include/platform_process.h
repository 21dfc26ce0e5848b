#ifndef CPLATFORM_PROCESS_H
#define CPLATFORM_PROCESS_H

#include <spawn.h>
#include <sys/types.h>

/// Process control that Swift cannot say: fork is marked unavailable there, prctl is variadic, and
/// pidfd_open has no wrapper in older C libraries. Where nothing else is said, failure is -1 with errno set.

/// Forks, runs `body(context)` in the child and ends the child with `_exit` of its result, so that no
/// atexit handler and no buffered output of the parent runs twice. Returns the child's pid to the parent.
/// The caller must be single-threaded: the child gets no other thread, but every lock as it was held.
pid_t platform_fork_call(int (*body)(void *context), void *context);

/// A close-on-exec descriptor that becomes readable when process `pid` has ended (pidfd_open(2)).
int platform_pidfd_open(pid_t pid);

/// Makes the calling process the one that orphaned descendants are handed to (PR_SET_CHILD_SUBREAPER).
int platform_set_child_subreaper(void);

/// A pipe with both ends close-on-exec: `ends[0]` is read, `ends[1]` written.
int platform_pipe(int ends[2]);

/// Spawn actions that Swift's view of the C library lacks: close every descriptor from `lowest` on, and
/// start in `directory` where it is not NULL. 0 or an error number, as the other spawn actions.
int platform_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest);
int platform_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *directory);

/// Removes `path` and everything below it, without following symbolic links or crossing into another
/// mounted file system. A path that does not exist is no error.
int platform_remove_tree(const char *path);

#endif
