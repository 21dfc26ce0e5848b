import Glibc

// swift run -c release --package-path docs/measure measure grdb|json
//
// Look at the ratios.

let experiments: [String: () throws -> Void] = [
  "grdb": measureGRDB, "json": measureJSON,
]
guard CommandLine.arguments.count == 2, let experiment = experiments[CommandLine.arguments[1]] else {
  print("usage: measure \(experiments.keys.sorted().joined(separator: "|"))")
  exit(2)
}
try experiment()
