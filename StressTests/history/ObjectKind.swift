/// What kind of record an object of a history is.
///
/// Objects are numbers. The kind is part of the number, so that containers, which most histories are about,
/// are 0, 1, 2 …
public enum ObjectKind: Int, Sendable, CaseIterable {
  /// The state of a container.
  case container
  /// The configuration of the container of the same number, which is written by rewriting.
  case configuration
  /// A pod.
  case pod
  /// The configuration of the pod of the same number.
  case podConfiguration
  /// The state of a volume.
  case volume
  /// The configuration of the volume of the same number.
  case volumeConfiguration
  /// One exec session of a container.
  case session
  /// One connection of a container to a network.
  case connection
  /// The exit code of the container of the same number, which stays when that goes.
  case exitCode
  /// All connections of a container: what the sequence of changes tells of them names no network.
  case networks
  /// What a history does not follow.
  case other

  /// How many sessions, or connections, a container can have.
  public static let partsPerContainer = 8

  static let numberBits = 24
  static let largestNumber = 1 << numberBits - 1

  /// The object of this kind and number.
  public func object(_ number: Int) -> Int { rawValue << Self.numberBits | number }

  /// The part of a container with this number, from 0.
  public func part(_ number: Int, of container: Int) -> Int {
    object(container * Self.partsPerContainer + number)
  }

  /// The kind of an object.
  public init(of object: Int) { self = Self(rawValue: object >> Self.numberBits) ?? .other }

  /// The number of an object within its kind.
  public static func number(of object: Int) -> Int { object & largestNumber }

  /// What people call an object: a letter and its number.
  public static func name(of object: Int) -> String {
    "\(Unicode.Scalar(ObjectKind(of: object).letter))\(number(of: object))"
  }

  /// The letter before the number.
  var letter: UInt8 {
    switch self {
    case .container: UInt8(ascii: "c")
    case .configuration: UInt8(ascii: "f")
    case .pod: UInt8(ascii: "p")
    case .podConfiguration: UInt8(ascii: "q")
    case .volume: UInt8(ascii: "v")
    case .volumeConfiguration: UInt8(ascii: "g")
    case .session: UInt8(ascii: "s")
    case .connection: UInt8(ascii: "n")
    case .exitCode: UInt8(ascii: "x")
    case .networks: UInt8(ascii: "w")
    case .other: UInt8(ascii: "o")
    }
  }

  init?(letter: UInt8) {
    guard let kind = Self.allCases.first(where: { $0.letter == letter }) else { return nil }
    self = kind
  }

  /// The objects of which no two have one generation; nil where that says nothing.
  var rows: Rows? {
    switch self {
    case .container, .pod: .records
    case .volume: .volumes
    default: nil
    }
  }

  /// What numbers generations.
  enum Rows { case records, volumes }

  /// What comes and goes with an object of this kind.
  var configuration: ObjectKind? {
    switch self {
    case .container: .configuration
    case .pod: .podConfiguration
    case .volume: .volumeConfiguration
    default: nil
    }
  }

  var isConfiguration: Bool {
    self == .configuration || self == .podConfiguration || self == .volumeConfiguration
  }

  /// Whether its writes have an order of their own, generation and revision.
  var hasVersions: Bool {
    switch self {
    case .container, .configuration, .pod, .podConfiguration, .volume, .volumeConfiguration, .session,
      .connection:
      true
    case .exitCode, .networks, .other: false
    }
  }
}
