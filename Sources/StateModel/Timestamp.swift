/// A moment on the wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// It labels; it never orders changes.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Nanoseconds since the epoch, leap seconds not counted.
  public var nanosecondsSinceEpoch: Int64

  /// A moment `nanosecondsSinceEpoch` after the epoch.
  public init(nanosecondsSinceEpoch: Int64) { self.nanosecondsSinceEpoch = nanosecondsSinceEpoch }

  /// Earlier before later.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch
  }
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339 in UTC with nanoseconds: `2025-01-31T12:00:00.000000001Z`.
  public var description: String { formatted(zoneOffsetSeconds: 0) }

  /// RFC 3339 with nanoseconds in the zone `zoneOffsetSeconds` east of UTC, which is cut to whole minutes:
  /// RFC 3339 has no others.
  public func formatted(zoneOffsetSeconds: Int32) -> String {
    let second: Int64 = 1_000_000_000
    let nanoseconds = Timestamp.modulo(nanosecondsSinceEpoch, second)
    let zoneMinutes = Int64(zoneOffsetSeconds) / 60
    // Rounded down without leaving the range of the type, which ends within a second.
    let wholeSeconds = nanosecondsSinceEpoch / second - (nanosecondsSinceEpoch % second < 0 ? 1 : 0)
    let seconds = wholeSeconds + zoneMinutes * 60
    let secondOfDay = Timestamp.modulo(seconds, 86_400)
    let (year, month, day) = Timestamp.civilDate(daysSinceEpoch: (seconds - secondOfDay) / 86_400)
    return Timestamp.padded(year, 4) + "-" + Timestamp.padded(month, 2) + "-" + Timestamp.padded(day, 2) + "T"
      + Timestamp.padded(secondOfDay / 3600, 2) + ":" + Timestamp.padded(secondOfDay / 60 % 60, 2) + ":"
      + Timestamp.padded(secondOfDay % 60, 2) + "." + Timestamp.padded(nanoseconds, 9)
      + Timestamp.zone(minutes: zoneMinutes)
  }

  private static func zone(minutes: Int64) -> String {
    if minutes == 0 { return "Z" }
    return (minutes < 0 ? "-" : "+") + padded(abs(minutes) / 60, 2) + ":" + padded(abs(minutes) % 60, 2)
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func modulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let remainder = value % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }

  /// The proleptic Gregorian date of a day, by counting in eras of 400 years that begin on 1 March.
  ///
  /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
  private static func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let days = daysSinceEpoch + 719_468
    let dayOfEra = modulo(days, 146_097)
    let era = (days - dayOfEra) / 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
