#define _GNU_SOURCE
#include "platform_namespace.h"

#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

int platform_namespace_kind(int descriptor) { return ioctl(descriptor, NS_GET_NSTYPE); }

int platform_network_namespace_kind(void) { return CLONE_NEWNET; }
