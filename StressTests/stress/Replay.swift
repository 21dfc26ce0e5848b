internal import ContainerStateStore
internal import Glibc
internal import StressSupport

/// How a run is done again.
enum Replay {
  /// The command, as a shell takes it.
  static func command(_ options: StressOptions) -> String {
    (["cstate-stress"] + options.words).joined(separator: " ")
  }

  /// Writes the options of the run into its directory.
  static func write(_ options: StressOptions, to run: StressRun) throws(StressFailure) {
    var json = JSONWriter()
    json.beginObject()
    json.member("seed", options.seed)
    json.member("build", build)
    json.member("pid", getpid())
    json.member("store", run.store)
    json.member("processes", options.processes)
    json.member("containers", options.containers)
    json.member("timeout_s", options.timeoutSeconds)
    json.member("keep_changes", options.keptChanges)
    json.member("options", options.words)
    json.endObject()
    try writeFile(json.finish().bytes, to: run.options)
    try writeFile(Array("#!/bin/sh\nexec \(command(options)) \"$@\"\n".utf8), to: run.replay, mode: 0o700)
  }

  private static var build: String {
    #if DEBUG
      return "debug"
    #else
      return "release"
    #endif
  }
}
