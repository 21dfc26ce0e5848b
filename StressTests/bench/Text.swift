/// Numbers as people read them, without Foundation.
func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return "?" }
  let scale = digits == 0 ? 1.0 : (digits == 1 ? 10.0 : 100.0)
  let scaled = Int((value.magnitude * scale).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard digits > 0 else { return "\(sign)\(scaled)" }
  let fraction = String(scaled % Int(scale))
  return "\(sign)\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// Nanoseconds in the unit that suits them.
func microseconds(_ nanoseconds: Double) -> String {
  if nanoseconds < 10_000 { return fixed(nanoseconds / 1e3, 2) + " µs" }
  if nanoseconds < 1_000_000 { return fixed(nanoseconds / 1e3, 0) + " µs" }
  return fixed(nanoseconds / 1e6, nanoseconds < 100_000_000 ? 2 : 0) + " ms"
}

func percent(_ share: Double) -> String { fixed(share * 100, 0) + " %" }

/// Text filled up with blanks, on its right or on its left.
func padded(_ text: String, _ width: Int, alignsRight: Bool = false) -> String {
  let blanks = String(repeating: " ", count: max(0, width - text.count))
  return alignsRight ? blanks + text : text + blanks
}
