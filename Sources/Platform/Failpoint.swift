/// A named place at which tests and stress builds kill, stop, delay or fail the process.
///
/// Does nothing unless it is armed (`Failpoints`), and is compiled to nothing where `FAILPOINTS` is not
/// defined: Package.swift defines it for debug builds and with the trait `Failpoints`.
///
/// - Parameter name: `part.what-has-just-happened`, or `part.before-what`; used once, with a comment
///   `// FAILPOINT name` above it that says why it stands there.
@inlinable @inline(__always)
package func failpoint(_ name: StaticString) {
  #if FAILPOINTS
    _ = Failpoints.pass(name)
  #endif
}

/// As `failpoint`, where an error can be planted too.
///
/// - Returns: the errno that the place is to fail with; 0 for none.
@inlinable @inline(__always)
package func failpointErrno(_ name: StaticString) -> Int32 {
  #if FAILPOINTS
    Failpoints.pass(name)
  #else
    0
  #endif
}
