internal import ContainerStateStore
internal import StressSupport

/// Everything that one worker is told, before it is forked.
struct WorkerPlan {
  /// nil for the last worker, which looks at what is left.
  let role: Role?
  let place: Int
  let session: Int32
  let options: StressOptions
  let run: StressRun
  let board: Board
  /// What strikes it; nil for nothing.
  let faults: FaultPlan?

  init(
    role: Role?, place: Int, session: Int32, options: StressOptions, run: StressRun, board: Board
  ) {
    self.role = role
    self.place = place
    self.session = session
    self.options = options
    self.run = run
    self.board = board
    // A foreign shell and an OCI runtime are not the store, and the last worker is to see what is there.
    let suffers = options.hasFaults && ![nil, .shell, .engine].contains(role)
    faults = role.flatMap { role in
      guard suffers else { return nil }
      let random = WorkerPlan.random(options, session: session, thread: Self.faultThread)
      return FaultPlan(role, session: session, options: options, random: random)
    }
  }

  /// No thread has this number: the choice of a fault changes nobody's operations.
  private static let faultThread: Int32 = 255

  /// Whether the fault has struck.
  var isStruck: Bool { faults != nil && board.load(place, .faultHits) > 0 }

  /// The numbers that decide what a thread of this session does.
  func random(thread: Int32) -> RandomSource {
    WorkerPlan.random(options, session: session, thread: thread)
  }

  private static func random(_ options: StressOptions, session: Int32, thread: Int32) -> RandomSource {
    // A session's choices depend on nothing but its number and the seed.
    RandomSource(
      seed: options.seed ^ UInt64(UInt32(bitPattern: session)) &* 0x9E37_79B9_7F4A_7C15
        ^ UInt64(thread) << 56)
  }

  /// Whether a bug that shall be found is this session's to plant.
  func plants(_ plant: Plant) -> Bool { options.plant == plant && (role == .monitor || role == .command) }
}

/// The containers of a run: numbers in the histories, ids and names in the store.
struct Objects {
  let count: Int
  private let seed: UInt64

  init(_ options: StressOptions) {
    count = options.containers
    seed = options.seed
  }

  /// 64 hexadecimal digits, of which the last eight are the object's number.
  func idText(_ object: Int) -> String {
    var random = RandomSource(seed: seed &+ UInt64(object) &* 0x0100_0000_01B3)
    let random56 = (0..<4).map { _ in Objects.hexadecimal(random.next(), digits: 16) }.joined().prefix(56)
    return random56 + Objects.hexadecimal(UInt64(object), digits: 8)
  }

  func name(_ object: Int) -> String { "stress-\(object)" }

  /// The object of an id; nil for a container that is none of the run's.
  func object(ofID id: String) -> Int? {
    guard id.utf8.count == 64, let number = Int(id.suffix(8), radix: 16), number < count else { return nil }
    return number
  }

  private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text.suffix(digits)
  }
}
