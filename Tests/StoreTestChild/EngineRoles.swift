internal import ContainerStateStore
internal import Glibc
internal import OCIEngine

/// Roles for the tests of OCIEngine.
///
/// `engine-monitor` is the monitor that the other roles start, and `engine-VERB ROOT RUNTIME ID [OPERAND]`
/// does one operation.
let engineRoles: [String: Role] = [
  "engine-monitor": { arguments in monitorMain(arguments: arguments) },
  "engine-create": { arguments in
    let id = try ContainerID(arguments[2])
    var details = ContainerDetails()
    details.labels = ["test": "engine"]
    _ = try engine(arguments).create(bundle: arguments[3], id: id, details: details)
    return 0
  },
  "engine-run": { arguments in
    let id = try ContainerID(arguments[2])
    let engine = try engine(arguments)
    _ = try engine.create(bundle: arguments[3], id: id, standardIO: .inherit)
    try engine.start(id)
    return try engine.wait(id, deadlineNanoseconds: .max)
  },
  "engine-start": { arguments in
    try engine(arguments).start(ContainerID(arguments[2]))
    return 0
  },
  "engine-stop": { arguments in
    try engine(arguments).stop(ContainerID(arguments[2]), timeout: .milliseconds(Int64(arguments[3]) ?? 0))
    return 0
  },
  "engine-remove": { arguments in
    try engine(arguments).remove(ContainerID(arguments[2]), force: true)
    return 0
  },
  "engine-runtime": { arguments in
    let selected = try engine(arguments).selectedRuntime()
    say("runtime \(selected.name) \(selected.notice ?? "")")
    return 0
  },
  "engine-hanging-trial": { arguments in
    let trials = try engine(arguments, runtimeLimit: .milliseconds(100)).availableRuntimes()
    say("trial \(trials.first { $0.name == "runc" }?.failure ?? "passed")")
    let hasChild = waitpid(-1, nil, WNOHANG) == 0 || errno != ECHILD
    say(hasChild ? "child left" : "no child")
    return 0
  },
  "engine-control-group": { arguments in
    // Nobody, who may not remove what is root's.
    if geteuid() == 0, seteuid(65534) != 0 { return 2 }
    do throws(EngineError) { try ControlGroup(path: arguments[0]).remove() } catch {
      say("refused \(error.code.rawValue)")
    }
    return 0
  },
  "engine-recover": { arguments in
    let engine = try engine(arguments)
    let recovery = try engine.recover()
    for failure in recovery.failures { say("failure \(failure.subject): \(failure.message)") }
    for id in try engine.store.containers().map(\.id) { try engine.remove(id, force: true) }
    for violation in try engine.store.verify() { say("violation \(violation)") }
    return recovery.failures.isEmpty ? 0 : 1
  },
  "engine-settle": { arguments in
    say("settled \(try engine(arguments).reconcile(ContainerID(arguments[2])).rawValue)")
    return 0
  },
]

/// The engine that a role's first two arguments describe.
private func engine(
  _ arguments: [String], runtimeLimit: Duration = EngineOptions().runtimeLimit
) throws -> Engine {
  let store = try StateStore(at: StoreLocation(root: arguments[0]))
  var options = EngineOptions()
  options.runtime =
    switch arguments[1] {
    case "builtin": .builtin
    case "automatic": .automatic
    default: .executable(arguments[1])
    }
  options.monitorCommand = ["/proc/self/exe", "engine-monitor"]
  options.runtimeLimit = runtimeLimit
  return try Engine(store: store, options: options)
}
