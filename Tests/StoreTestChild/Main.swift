internal import Glibc

/// A role: what a test child does.
///
/// It gets the arguments behind its name; its result is the exit status.
typealias Role = @Sendable ([String]) throws -> Int32

/// A process for tests that need more than one, started as `store-test-child ROLE ARGUMENTS…`.
///
/// It talks by lines (`say`, `hear`), has one thread unless its role starts more, and may therefore fork.
/// An error that a role throws is said as `failed: …` and ends the process with status 1.
@main
struct Main {
  static let roles = [
    basicRoles, forkRoles, lockRoles, storageRoles, storeRoles, engineRoles, faultRoles, feedRoles,
  ].reduce(into: [:]) { all, some in
    all.merge(some) { _, _ in preconditionFailure("two roles have one name") }
  }

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let name = arguments.first, let role = roles[name] else {
      say("failed: no role is called '\(arguments.first ?? "")'; there are \(roles.keys.sorted())")
      exit(2)
    }
    do {
      exit(try role(Array(arguments.dropFirst())))
    } catch {
      say("failed: \(error)")
      exit(1)
    }
  }
}
