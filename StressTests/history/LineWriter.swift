internal import Glibc

/// A file to which whole lines are appended, each with one `write(2)` and none with an allocation of its own.
final class LineWriter {
  private let descriptor: Int32
  private let path: String
  private var line = Line()

  init(path: String) throws(HistoryFailure) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .systemCall("open", path: path, errno: errno) }
  }

  deinit { close(descriptor) }

  func write(_ compose: (inout Line) -> Void) throws(HistoryFailure) {
    line.bytes.removeAll(keepingCapacity: true)
    compose(&line)
    line.bytes.append(UInt8(ascii: "\n"))
    let code: Int32 = line.bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno != EINTR { return errno }
        rest = rest.dropFirst(max(0, count))
      }
      return 0
    }
    if code != 0 { throw .systemCall("write", path: path, errno: code) }
  }
}

/// A line that is being put together of words with a space between them.
struct Line {
  fileprivate var bytes: [UInt8] = []

  /// Adds a word.
  mutating func word(_ text: StaticString) {
    separate()
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Adds a word that is only known at run time.
  mutating func word(_ text: String) {
    separate()
    bytes.append(contentsOf: text.utf8)
  }

  /// Adds a number as a word.
  mutating func number(_ number: some FixedWidthInteger) {
    separate()
    digits(number)
  }

  /// Adds an object and what became of it: `17=4711`, for others than containers with a letter before it.
  mutating func object(_ object: Int, _ mark: StaticString = "", value: UInt64? = nil) {
    separate()
    let kind = ObjectKind(of: object)
    if kind != .container { bytes.append(kind.letter) }
    digits(ObjectKind.number(of: object))
    mark.withUTF8Buffer { bytes.append(contentsOf: $0) }
    if let value { digits(value) }
  }

  /// Adds a token: `epoch.nanoseconds`.
  mutating func token(_ token: Token) {
    number(token.epoch)
    dot(token.bootNanoseconds)
  }

  /// Adds a version: `generation.revision.value`.
  mutating func version(_ version: Version) {
    separate()
    parts(version)
  }

  /// Adds what was seen of an object.
  mutating func seen(_ seen: Seen) {
    switch seen.sight {
    case .version(let version):
      object(seen.object, "@")
      parts(version)
    case .value(let value): object(seen.object, ":", value: value)
    case .present: object(seen.object, "+")
    case .absent: object(seen.object, "-")
    case .half: object(seen.object, "!")
    }
  }

  /// Adds to the word before it that a revision was demanded: `?7`.
  mutating func demand(_ revision: Int64) {
    bytes.append(UInt8(ascii: "?"))
    digits(revision)
  }

  /// Adds a change: `sequence.object.action.revision.from.to`.
  mutating func change(_ change: ChangeSeen) {
    number(change.sequence)
    bytes.append(UInt8(ascii: "."))
    bytes.append(ObjectKind(of: change.object).letter)
    digits(ObjectKind.number(of: change.object))
    bytes.append(UInt8(ascii: "."))
    bytes.append(change.action.letter)
    dot(change.revision)
    dot(change.from)
    dot(change.to)
  }

  private mutating func parts(_ version: Version) {
    digits(version.generation)
    dot(version.revision)
    dot(version.value)
  }

  private mutating func dot(_ number: some FixedWidthInteger) {
    bytes.append(UInt8(ascii: "."))
    digits(number)
  }

  private mutating func separate() {
    if !bytes.isEmpty { bytes.append(UInt8(ascii: " ")) }
  }

  private mutating func digits<Number: FixedWidthInteger>(_ number: Number) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    let first = bytes.count
    var rest = number.magnitude
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
      rest = quotient
    } while rest > 0
    bytes[first...].reverse()
  }
}
