import Glibc

/// The descriptors 0, 1 and 2, which programs read and write without asking what they are.
package enum StandardDescriptors {
  /// Puts `/dev/null` where one of them is closed.
  ///
  /// The next file of the store would get its number otherwise, and with it all that the program prints, or a
  /// container that inherits it. Reading from the stand-in, or writing to it, fails as with a closed one.
  package static func occupy() {
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
      // open(2) gives the lowest free number. Where it fails, no file of the store can be opened either.
      _ = open("/dev/null", (descriptor == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC)
    }
  }
}
