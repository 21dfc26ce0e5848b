#ifndef CLOOPDEVICE_H
#define CLOOPDEVICE_H

#include <stdint.h>

/// File systems on images that are mounted, cut off and mounted again: what Swift's view of the C library
/// lacks. Each returns 0 or a descriptor, and -1 with errno set where it failed.

/// Gives this process a mount namespace of its own, from which nothing spreads: what it mounts is gone when
/// its last process is, however that ends. For root only.
int loop_own_mounts(void);

/// Attaches an image to a free loop device and returns a descriptor of the device, close-on-exec; `name` gets
/// its path. The device is free again when nothing has it open or mounted.
int loop_attach(const char *image, char name[32]);

/// Cuts a mounted file system off from its device: nothing that was not written yet ever will be, its log
/// included (EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN without a flush). It must be unmounted then.
int loop_cut_off(const char *mount_point);

#endif
