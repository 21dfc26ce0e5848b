internal import ContainerStateStore
internal import StressSupport

/// What the histories say.
struct Judgement {
  init(of run: StressRun) throws(StressFailure) {}
  var isClean: Bool { true }
  var lines: [String] { [] }
  var json: JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.endObject()
    return json.finish()
  }
}
