#ifndef CPLATFORM_NAMESPACE_H
#define CPLATFORM_NAMESPACE_H

/// The kind of namespace an open file of nsfs stands for, as a CLONE_NEW* flag; -1 where it stands for none.
/// Source: ioctl_ns(2), NS_GET_NSTYPE.
int platform_namespace_kind(int descriptor);

/// CLONE_NEWNET, which is a macro that Swift does not import.
int platform_network_namespace_kind(void);

#endif
