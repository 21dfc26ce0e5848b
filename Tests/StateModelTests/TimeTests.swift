internal import StateModel
internal import Testing

@Suite("Moments and durations")
struct TimeTests {
  static let moments: [(nanoseconds: Int64, zone: Int32, text: String)] = [
    (0, 0, "1970-01-01T00:00:00.000000000Z"),
    (1, 0, "1970-01-01T00:00:00.000000001Z"),
    (-1, 0, "1969-12-31T23:59:59.999999999Z"),
    (-1_000_000_000, 0, "1969-12-31T23:59:59.000000000Z"),
    (951_782_400_000_000_000, 0, "2000-02-29T00:00:00.000000000Z"),
    (951_868_800_000_000_000, 0, "2000-03-01T00:00:00.000000000Z"),
    (-2_203_891_200_000_000_000, 0, "1900-03-01T00:00:00.000000000Z"),
    (-2_203_891_200_000_000_001, 0, "1900-02-28T23:59:59.999999999Z"),
    (1_738_324_800_000_000_001, 0, "2025-01-31T12:00:00.000000001Z"),
    (1_738_324_800_000_000_001, 3_600, "2025-01-31T13:00:00.000000001+01:00"),
    (1_738_324_800_000_000_001, -12_600, "2025-01-31T08:30:00.000000001-03:30"),
    (1_738_324_800_000_000_001, 50_400, "2025-02-01T02:00:00.000000001+14:00"),
    (0, -1_800, "1969-12-31T23:30:00.000000000-00:30"),
    (4_102_444_799_999_999_999, 0, "2099-12-31T23:59:59.999999999Z"),
    (.max, 0, "2262-04-11T23:47:16.854775807Z"),
    (.min, 0, "1677-09-21T00:12:43.145224192Z"),
    (.min, -86_340, "1677-09-20T00:13:43.145224192-23:59"),
    (.max, 86_340, "2262-04-12T23:46:16.854775807+23:59"),
    // RFC 3339 has no seconds in a zone: such an offset is shown in whole minutes, and so is its time.
    (0, 3_601, "1970-01-01T01:00:00.000000000+01:00"),
    (0, -3_659, "1969-12-31T23:00:00.000000000-01:00"),
    (0, 59, "1970-01-01T00:00:00.000000000Z"),
    (0, -59, "1970-01-01T00:00:00.000000000Z"),
  ]

  @Test("a moment is RFC 3339 with nanoseconds, in any zone, before the epoch and at both ends")
  func formatted() {
    for (nanoseconds, zone, text) in Self.moments {
      let moment = Timestamp(nanosecondsSinceEpoch: nanoseconds)
      #expect(moment.formatted(zoneOffsetSeconds: zone) == text)
      if zone == 0 { #expect(moment.description == text) }
    }
  }

  @Test("days follow one another over four hundred years")
  func days() {
    var (year, month, day) = (1700, 1, 1)
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    for number in Int64(-98_615)..<106_000 {
      let text = Timestamp(nanosecondsSinceEpoch: number * 86_400_000_000_000).description.prefix(10)
      func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
      guard text == "\(year)-\(two(month))-\(two(day))" else {
        Issue.record("day \(number): \(text), not \(year)-\(month)-\(day)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      day += 1
      if day > lengths[month - 1] + (month == 2 && isLeap ? 1 : 0) { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
  }

  @Test("moments are ordered by time")
  func order() {
    let moments = [Int64.min, -1, 0, 1, .max].map(Timestamp.init(nanosecondsSinceEpoch:))
    #expect(moments.shuffled().sorted() == moments)
  }

  @Test("a duration is shown in the unit a person would take")
  func durations() {
    let table: [(UInt64, String)] = [
      (0, "0 µs"), (999, "0 µs"), (830_000, "830 µs"), (999_999, "999 µs"), (1_000_000, "1.0 ms"),
      (12_400_000, "12.4 ms"), (999_999_999, "999.9 ms"), (1_000_000_000, "1.0 s"), (3_100_000_000, "3.1 s"),
      (119_999_999_999, "119.9 s"), (120_000_000_000, "2 min"), (7_199_999_999_999, "119 min"),
      (7_200_000_000_000, "2 h"), (172_799_999_999_999, "47 h"), (172_800_000_000_000, "2 days"),
      (.max, "213503 days"),
    ]
    for (nanoseconds, text) in table { #expect(formattedDuration(nanoseconds: nanoseconds) == text) }
  }
}
