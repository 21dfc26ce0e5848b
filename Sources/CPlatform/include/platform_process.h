#ifndef CPLATFORM_PROCESS_H
#define CPLATFORM_PROCESS_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>

/// Process control that Swift cannot say: fork is marked unavailable there, prctl is variadic, and
/// pidfd_open has no wrapper in older C libraries. Where nothing else is said, failure is -1 with errno set.

/// Forks, runs `body(context)` in the child and ends the child with `_exit` of its result, so that no
/// atexit handler and no buffered output of the parent runs twice. Returns the child's pid to the parent.
/// The caller must be single-threaded: the child gets no other thread, but every lock as it was held.
pid_t platform_fork_call(int (*body)(void *context), void *context);

/// Runs `body(context)` on a new thread and returns its result; -1 with errno set where none can be had.
///
/// What a forked child has to do before it uses Swift on more than one thread. Swift keeps the kernel's
/// number of a thread in that thread, and its mutexes are FUTEX_LOCK_PI words that hold it; the thread that
/// comes out of fork(2) has a copy of its parent's. Two threads that meet at a mutex then spin for ever, or
/// trap. A new thread asks for its own.
int platform_run_on_new_thread(int (*body)(void *context), void *context);

/// What `platform_spawn` starts. Every descriptor but the given ones is closed in the child, every signal
/// has its default disposition there, and none is blocked.
struct platform_spawn_request {
  /// The program; no search along PATH.
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// Where it starts; NULL for here.
  const char *directory;
  /// What become its descriptors 0, 1, 2 …
  const int *descriptors;
  int descriptor_count;
  /// It leads a session of its own.
  bool starts_session;
  /// The kernel kills it when the calling thread ends (PR_SET_PDEATHSIG), by whatever cause.
  bool dies_with_parent;
  /// The child waits with its exec until this one of its descriptors is readable; -1: it does not wait.
  int gate_descriptor;
  /// What it unlinks when the gate opens, before its exec; NULL for nothing.
  const char *gate_path;
  /// Before it waits at the gate the child reads a byte from this one of its descriptors, and ends where none
  /// can come any more: whoever started it has died before anybody could know of it.
  int confirmation_descriptor;
};

/// Starts a program from a process with any number of threads; returns its pid. A failure in the child
/// before its exec is reported as one of this call, unless the child waits at a gate: then it exits with 127.
pid_t platform_spawn(const struct platform_spawn_request *request);

/// Goes on in a grandchild of the calling process, in a session of its own that it does not lead, so that
/// it never gets a controlling terminal. The caller itself ends with status 0. It must be single-threaded.
int platform_leave_session(void);

/// A close-on-exec descriptor that becomes readable when process `pid` has ended (pidfd_open(2)).
int platform_pidfd_open(pid_t pid);

/// Sends a signal to the process behind a descriptor of `platform_pidfd_open`.
int platform_pidfd_send_signal(int descriptor, int signal);

/// Makes the calling process the one that orphaned descendants are handed to (PR_SET_CHILD_SUBREAPER).
int platform_set_child_subreaper(void);

/// The kernel sends the calling process SIGKILL when the thread of `parent` that forked it ends; at once
/// where it has ended.
int platform_die_with_parent(pid_t parent);

/// A pipe with both ends close-on-exec: `ends[0]` is read, `ends[1]` written.
int platform_pipe(int ends[2]);

/// Lets reads of a descriptor fail with EAGAIN where they would wait.
int platform_set_nonblocking(int descriptor);

/// How many bytes could be read at once from a pipe or socket (FIONREAD).
int platform_readable_bytes(int descriptor);

/// Spawn actions that Swift's view of the C library lacks: close every descriptor from `lowest` on, and
/// start in `directory` where it is not NULL. 0 or an error number, as the other spawn actions.
int platform_spawn_close_from(posix_spawn_file_actions_t *actions, int lowest);
int platform_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *directory);

/// Removes `path` and everything below it, without following symbolic links or crossing into another
/// mounted file system; what is mounted on an entry is unmounted. A path that does not exist is no error.
int platform_remove_tree(const char *path);

#endif
