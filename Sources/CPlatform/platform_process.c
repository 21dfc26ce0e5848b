#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t platform_fork_call(int (*body)(void *context), void *context) {
  pid_t pid = fork();
  if (pid == 0) {
    _exit(body(context));
  }
  return pid;
}

struct new_thread {
  int (*body)(void *context);
  void *context;
  int result;
};

static void *run_new_thread(void *argument) {
  struct new_thread *thread = argument;
  thread->result = thread->body(thread->context);
  return NULL;
}

int platform_run_on_new_thread(int (*body)(void *context), void *context) {
  struct new_thread thread = {.body = body, .context = context, .result = -1};
  pthread_t handle;
  int error = pthread_create(&handle, NULL, run_new_thread, &thread);
  if (error == 0) {
    error = pthread_join(handle, NULL);
  }
  if (error != 0) {
    errno = error;
    return -1;
  }
  return thread.result;
}

static void close_from(int lowest) {
  if (syscall(SYS_close_range, lowest, ~0U, 0) == 0) {
    return;
  }
  // A sandbox may not know close_range(2).
  struct rlimit limit = {0, 0};
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t descriptor = (rlim_t)lowest; descriptor < limit.rlim_cur; descriptor++) {
    (void)close((int)descriptor);
  }
}

/// Waits until the start is confirmed, which ends the process where it cannot be any more, and then until the
/// gate opens. Interrupted waits go on: every signal that has a handler has lost it.
static void pass_gate(const struct platform_spawn_request *request) {
  char confirmation;
  ssize_t count;
  do {
    count = read(request->confirmation_descriptor, &confirmation, 1);
  } while (count < 0 && errno == EINTR);
  if (count != 1) {
    _exit(127);
  }
  (void)close(request->confirmation_descriptor);
  struct pollfd gate = {.fd = request->gate_descriptor, .events = POLLIN};
  while (poll(&gate, 1, -1) < 0 && errno == EINTR) {
  }
  if (request->gate_path != NULL) {
    (void)unlink(request->gate_path);
  }
  (void)close(request->gate_descriptor);
}

/// The child's part, in memory that it may share with its parent: only async-signal-safe calls.
static void become(
    const struct platform_spawn_request *request, const int *sources, pid_t parent, volatile int *error) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) {
    (void)sigaction(number, &action, NULL);
  }
  if (request->dies_with_parent) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
      _exit(127);
    }
  }
  if (request->starts_session) {
    (void)setsid();
  }
  for (int target = 0; target < request->descriptor_count; target++) {
    // dup2 of a descriptor onto itself would leave it close-on-exec.
    int result = sources[target] == target ? fcntl(target, F_SETFD, 0) : dup2(sources[target], target);
    if (result < 0) {
      *error = errno;
      _exit(127);
    }
  }
  close_from(request->descriptor_count);
  if (request->gate_descriptor >= 0) {
    pass_gate(request);
  }
  if (request->directory != NULL && chdir(request->directory) != 0) {
    *error = errno;
    _exit(127);
  }
  sigset_t nothing;
  sigemptyset(&nothing);
  (void)sigprocmask(SIG_SETMASK, &nothing, NULL);
  execve(request->path, request->arguments, request->environment);
  *error = errno;
  _exit(127);
}

/// vfork(2) and not posix_spawn(3), which cannot say that a child dies with its parent; with every signal
/// blocked, so that no handler of the program runs in the child on the parent's memory.
static pid_t start(const struct platform_spawn_request *request, const int *sources) {
  sigset_t everything;
  sigset_t before;
  sigfillset(&everything);
  pthread_sigmask(SIG_SETMASK, &everything, &before);
  pid_t parent = getpid();
  volatile int error = 0;
  // A child that waits at a gate cannot keep its parent waiting: it gets memory of its own.
  pid_t pid = request->gate_descriptor >= 0 ? fork() : vfork();
  if (pid == 0) {
    become(request, sources, parent, &error);
  }
  if (pid < 0) {
    error = errno;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error == 0) {
    return pid;
  }
  if (pid > 0) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
  errno = error;
  return -1;
}

pid_t platform_spawn(const struct platform_spawn_request *request) {
  int count = request->descriptor_count;
  int *sources = malloc((size_t)count * 2 * sizeof(int));
  if (sources == NULL) {
    return -1;
  }
  int *copies = sources + count;
  pid_t pid = 0;
  for (int index = 0; index < count; index++) {
    int descriptor = request->descriptors[index];
    copies[index] = -1;
    // Out of the way of the targets, which the child fills one after another.
    if (descriptor < count && descriptor != index && pid == 0) {
      copies[index] = fcntl(descriptor, F_DUPFD_CLOEXEC, count);
      pid = copies[index] < 0 ? -1 : 0;
    }
    sources[index] = copies[index] >= 0 ? copies[index] : descriptor;
  }
  if (pid == 0) {
    pid = start(request, sources);
  }
  int error = errno;
  for (int index = 0; index < count; index++) {
    if (copies[index] >= 0) {
      (void)close(copies[index]);
    }
  }
  free(sources);
  errno = error;
  return pid;
}

int platform_leave_session(void) {
  pid_t pid = fork();
  if (pid > 0) {
    _exit(0);
  }
  if (pid < 0 || setsid() < 0) {
    return -1;
  }
  pid = fork();
  if (pid > 0) {
    _exit(0);
  }
  return pid < 0 ? -1 : 0;
}

int platform_pidfd_send_signal(int descriptor, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0);
}

int platform_set_nonblocking(int descriptor) {
  return fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

int platform_readable_bytes(int descriptor) {
  int count = 0;
  return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -1;
}

int platform_pidfd_open(pid_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);  // The kernel sets close-on-exec by itself.
}

int platform_set_child_subreaper(void) {
  return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int platform_die_with_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return -1;
  }
  return getppid() == parent ? 0 : kill(getpid(), SIGKILL);
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
      if (remove(entry->fts_accpath) == 0 || errno == ENOENT) {
        return 0;
      }
      // An OCI runtime that was killed may have left a mount: runc mounts its own program over a file of its
      // state directory while it creates a container.
      if (errno == EBUSY && umount2(entry->fts_accpath, UMOUNT_NOFOLLOW | MNT_DETACH) == 0) {
        return remove(entry->fts_accpath) == 0 || errno == ENOENT ? 0 : errno;
      }
      return errno;
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
