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
