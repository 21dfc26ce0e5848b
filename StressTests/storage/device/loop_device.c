#define _GNU_SOURCE
#include "CLoopDevice.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

int loop_own_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int close_keeping_errno(int descriptor) {
  int saved = errno;
  close(descriptor);
  errno = saved;
  return -1;
}

static int try_attach(int control, int image, char name[32]) {
  int number = ioctl(control, LOOP_CTL_GET_FREE);
  if (number < 0) return -1;
  snprintf(name, 32, "/dev/loop%d", number);
  int device = open(name, O_RDWR | O_CLOEXEC);
  if (device < 0) return -1;
  struct loop_config config = {.fd = (__u32)image, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
  if (ioctl(device, LOOP_CONFIGURE, &config) != 0) return close_keeping_errno(device);
  return device;
}

int loop_attach(const char *image, char name[32]) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -1;
  int file = open(image, O_RDWR | O_CLOEXEC);
  if (file < 0) return close_keeping_errno(control);
  // Another process may take the device that is free between the question and the answer.
  int device = -1;
  for (int attempt = 0; attempt < 50 && device < 0; attempt++) {
    device = try_attach(control, file, name);
    if (device < 0 && errno != EBUSY) break;
  }
  close_keeping_errno(file);
  close_keeping_errno(control);
  return device;
}

int loop_cut_off(const char *mount_point) {
  // Source: fs/ext4/ext4.h, fs/xfs/libxfs/xfs_fs.h of Linux; ext4, xfs and f2fs share number and flags.
  const unsigned long going_down = _IOR('X', 125, uint32_t);
  uint32_t without_flush = 2;
  int root = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  int result = ioctl(root, going_down, &without_flush);
  close_keeping_errno(root);
  return result;
}
