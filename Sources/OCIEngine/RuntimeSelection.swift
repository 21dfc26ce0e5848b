import ContainerStateStore
import Glibc

/// What came of the attempt to run a container with a runtime on this machine.
public struct RuntimeTrial: Sendable, Hashable {
  /// `runc`, `crun`, `builtin`, or the path of another program.
  public let name: String
  /// The program's path; nil for the built-in runner and for what is not installed.
  public let path: String?
  /// Why it cannot run containers here; nil where it can.
  public let failure: String?
}

extension Engine {
  /// Every runtime that the engine knows, the preferred one first, with the outcome of a real trial.
  ///
  /// - Throws: `system` where the run directory cannot be written to.
  public func availableRuntimes() throws(EngineError) -> [RuntimeTrial] {
    var trials: [RuntimeTrial] = []
    for name in Engine.programNames { trials.append(try trial(ofProgramNamed: name)) }
    return trials + [RuntimeTrial(name: "builtin", path: nil, failure: nil)]
  }

  /// The runtime that a new container gets, and one line that says why where it is not the preferred one.
  ///
  /// - Throws: `runtimeUnavailable` where the one that was asked for is not installed.
  public func selectedRuntime() throws(EngineError) -> (name: String, notice: String?) {
    let (reference, notice) = try selection()
    return (reference.text, notice)
  }

  func resolvedRuntime() throws(EngineError) -> RuntimeReference { try selection().reference }

  private static let programNames = ["runc", "crun"]

  private func selection() throws(EngineError) -> (reference: RuntimeReference, notice: String?) {
    switch options.runtime {
    case .builtin: return (.builtin, nil)
    case .runc: return (.program(try Engine.programPath("runc")), nil)
    case .crun: return (.program(try Engine.programPath("crun")), nil)
    case .executable(let path): return (.program(try Engine.programPath(path)), nil)
    case .automatic:
      var failures: [String] = []
      for name in Engine.programNames {
        let trial = try trial(ofProgramNamed: name)
        if let path = trial.path, trial.failure == nil { return (.program(path), nil) }
        failures.append("\(name): \(trial.failure ?? "not installed")")
      }
      let reasons = failures.joined(separator: "; ")
      return (.builtin, "no OCI runtime can run here, so containers are plain child processes (\(reasons))")
    }
  }

  private static func programPath(_ name: String) throws(EngineError) -> String {
    let search = getenv("PATH").map { String(cString: $0) } ?? ProgramSearch.standard
    guard let found = ProgramSearch.path(of: name, searching: search),
      let path = FileAccess.canonicalPath(found)
    else {
      throw EngineError(
        .runtimeUnavailable, subject: name,
        message:
          "there is no such program; install it, or choose another runtime (runc, crun, builtin or a path)")
    }
    return path
  }

  private func trial(ofProgramNamed name: String) throws(EngineError) -> RuntimeTrial {
    guard let path = try? Engine.programPath(name) else {
      return RuntimeTrial(name: name, path: nil, failure: "not installed")
    }
    let trials = RuntimeTrials(run: run, limit: options.runtimeLimit)
    do { return RuntimeTrial(name: name, path: path, failure: try trials.failure(ofProgram: path)) } catch {
      // Said now and not remembered: a busy machine is no reason to do without it until the next boot.
      guard error.code == .timedOut else { throw error }
      return RuntimeTrial(name: name, path: path, failure: error.message)
    }
  }
}
