#define _GNU_SOURCE
#include "platform_namespace.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

int platform_is_namespace(const char *path, int *is_namespace) {
  struct statfs status;
  if (statfs(path, &status) != 0) return errno;
  *is_namespace = status.f_type == NSFS_MAGIC;
  return 0;
}

int platform_namespace_kind(int descriptor) { return ioctl(descriptor, NS_GET_NSTYPE); }

int platform_network_namespace_kind(void) { return CLONE_NEWNET; }
