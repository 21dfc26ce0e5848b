/// What the coordinator did and saw.
struct Tally {
  var births: [Role: Int] = [:]
  /// SIGKILLs that were sent.
  var kills = 0
  /// Workers that died of them.
  var deaths = 0
  /// Workers that killed themselves between two steps of an engine.
  var stepKills = 0
  /// Workers that came to their own end.
  var ends = 0
  /// SIGSTOPs that were sent.
  var stops = 0
  /// Workers that stopped themselves.
  var selfStops = 0
  /// SIGKILLs that were sent to monitors of containers.
  var monitorKills = 0
}

/// What a worker ends with.
enum WorkerExit {
  /// It did what it was to do.
  static let done: Int32 = 0
  /// It saw what must not be, and wrote it down.
  static let complained: Int32 = 3
}
