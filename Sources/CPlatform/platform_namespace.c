#define _GNU_SOURCE
#include "platform_namespace.h"

#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

int platform_namespace_kind(int descriptor) { return ioctl(descriptor, NS_GET_NSTYPE); }

int platform_network_namespace_kind(void) { return CLONE_NEWNET; }

int platform_make_mounts_private(void) {
  if (unshare(CLONE_NEWNS) != 0) {
    return -1;
  }
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
