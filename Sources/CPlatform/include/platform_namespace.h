#ifndef CPLATFORM_NAMESPACE_H
#define CPLATFORM_NAMESPACE_H

/// Whether what is at the path is a namespace, without opening it: 0 or an errno. Source: statfs(2).
int platform_is_namespace(const char *path, int *is_namespace);

/// The kind of namespace an open file of nsfs stands for, as a CLONE_NEW* flag; -1 where it stands for none.
/// Source: ioctl_ns(2), NS_GET_NSTYPE.
int platform_namespace_kind(int descriptor);

/// CLONE_NEWNET, which is a macro that Swift does not import.
int platform_network_namespace_kind(void);

#endif
