#ifndef CPLATFORM_NAMESPACE_H
#define CPLATFORM_NAMESPACE_H

/// Whether what is at the path is a namespace, without opening it: 0 or an errno. Source: statfs(2).
int platform_is_namespace(const char *path, int *is_namespace);

/// The kind of namespace an open file of nsfs stands for, as a CLONE_NEW* flag; -1 where it stands for none.
/// Source: ioctl_ns(2), NS_GET_NSTYPE.
int platform_namespace_kind(int descriptor);

/// CLONE_NEWNET, which is a macro that Swift does not import.
int platform_network_namespace_kind(void);

/// Gives the calling process mounts of its own: what it and its children mount is seen by nobody else, and is
/// gone with the last of them. -1 with errno set where that is not allowed.
int platform_make_mounts_private(void);

#endif
