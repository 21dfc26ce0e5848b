import ArgumentParser

@main
struct Main: ParsableCommand {
  static let configuration = CommandConfiguration(subcommands: [One.self, Two.self])
}

struct One: ParsableCommand {
  func run() { print("one") }
}

struct Two: ParsableCommand {
  func run() { print("two") }
}
