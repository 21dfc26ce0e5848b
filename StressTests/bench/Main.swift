internal import Glibc

/// Measures the store and plain C in turns, prints the ratios, and judges them.
@main
struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.contains("--help") || words.contains("-h") {
      say(BenchOptions.help)
      exit(0)
    }
    let options: BenchOptions
    do { options = try BenchOptions(words) } catch {
      say("cstate-bench: \(error)", to: STDERR_FILENO)
      exit(2)
    }
    do {
      if options.measuresWaits { exit(try WaitRun(options: options).run()) }
      if let operations = options.countedOperations {
        exit(try CountedRun(options: options, operations: operations).run())
      }
      exit(try Run(options).run())
    } catch {
      say("cstate-bench: \(error)", to: STDERR_FILENO)
      exit(3)
    }
  }
}
