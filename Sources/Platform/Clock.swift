import CPlatform
import Glibc

/// The kernel clocks the library reads, in nanoseconds.
package enum Clock {
  /// CLOCK_MONOTONIC: deadlines and waits.
  package static var monotonicNanoseconds: UInt64 { platform_clock_nanoseconds(CLOCK_MONOTONIC) }
  /// CLOCK_BOOTTIME: fencing tokens and ages; goes on during suspend and is never set.
  package static var bootTimeNanoseconds: UInt64 { platform_clock_nanoseconds(CLOCK_BOOTTIME) }
  /// CLOCK_REALTIME: what people are shown; may jump.
  package static var realTimeNanoseconds: UInt64 { platform_clock_nanoseconds(CLOCK_REALTIME) }
  /// CLOCK_REALTIME_COARSE: what the kernel stamps changes of files with; may jump.
  package static var coarseRealTimeNanoseconds: UInt64 { platform_clock_nanoseconds(CLOCK_REALTIME_COARSE) }
}
