internal import ContainerStateStore
internal import Glibc
internal import OCIEngine

/// What the options of every verb and the environment say.
struct Settings {
  private let arguments: CommandArguments
  let runtime: RuntimeChoice
  let runDirectory: String?
  let lockWait: LockWait
  let printsJSON: Bool
  let timingsPath: String?

  init(_ arguments: CommandArguments) throws {
    self.arguments = arguments
    runtime = try Settings.runtime(arguments.value(.runtime) ?? "auto")
    runDirectory = arguments.value(.runDirectory)
    lockWait = try Settings.lockWait(arguments.value(.lockWait) ?? "30s")
    timingsPath = arguments.value(.timings)
    switch arguments.value(.format) ?? "table" {
    case "table": printsJSON = false
    case "json": printsJSON = true
    case let other: throw UsageError("--format \(other)", "the format is table or json")
    }
  }

  /// Where the store is: `--root`, else `$CSTATE_ROOT`, else the store of this user.
  func location() throws -> StoreLocation {
    let given = arguments.value(.root) ?? environmentVariable("CSTATE_ROOT").flatMap { $0.isEmpty ? nil : $0 }
    if let given, given.isEmpty { throw UsageError("--root", "a directory is needed") }
    var location: StoreLocation
    if let given {
      location = StoreLocation(root: given)
      // The store of this user is the same one when its root is spelled out.
      if let standard = try? Settings.standardLocation(), standard.root == given { location = standard }
    } else {
      location = try Settings.standardLocation()
    }
    if let directory = arguments.value(.lockDirectory) { location.lockDirectory = directory }
    if let directory = arguments.value(.specificationDirectory) {
      location.specificationDirectory = directory
    }
    return location
  }

  private static func standardLocation() throws(StoreError) -> StoreLocation {
    try StoreLocation.standard(effectiveUserID: geteuid(), environment: environmentVariable)
  }

  private static func runtime(_ text: String) throws(UsageError) -> RuntimeChoice {
    switch text {
    case "auto": return .automatic
    case "runc": return .runc
    case "crun": return .crun
    case "builtin": return .builtin
    case let path where path.contains("/"): return .executable(path)
    default:
      throw UsageError(
        "--runtime \(text)", "the runtime is auto, runc, crun, builtin, or a path with a slash in it")
    }
  }

  private static func lockWait(_ text: String) throws(UsageError) -> LockWait {
    switch try duration(text, of: .lockWait) {
    case nil: return .indefinitely
    case .some(.zero): return .none
    case .some(let duration): return .upTo(duration)
    }
  }

  /// A duration such as `500ms`, `30s`, `5m`, `2h` or `0`; nil for `forever`.
  static func duration(_ text: String, of option: CommandOption) throws(UsageError) -> Duration? {
    if text == "forever" { return nil }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
    let unit = text.dropFirst(digits.count)
    guard let number = Int32(digits), let milliseconds = number == 0 && unit.isEmpty ? 0 : units[String(unit)]
    else {
      throw UsageError(
        "--\(option.name) \(text)", "a duration is a number with ms, s, m or h, or 0, or forever")
    }
    return .milliseconds(Int64(number) * Int64(milliseconds))
  }
}

/// The value of an environment variable; nil where it is not set.
func environmentVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
