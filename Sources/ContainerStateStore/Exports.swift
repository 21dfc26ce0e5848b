// What a user of the library names without importing the targets it is made of.
@_exported public import JSONText
@_exported public import StateModel
@_exported public import enum FileLocking.LockWait
@_exported public import struct FileLocking.ProcessIdentity
