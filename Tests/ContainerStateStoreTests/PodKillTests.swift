internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Faults: SIGKILL in the middle of what concerns several records", .serialized)
struct PodKillTests {
  /// What a victim is told, and how to see whether it is done.
  enum Work: String, CaseIterable {
    case removal = "remove-pod pod"
    case addition = "add-to-pod pod m3"
    case batch = "write-batch pod m0 m2"

    /// Whether all of it is done or nothing; nil where it is something in between.
    func isDone(_ store: StateStore) throws -> Bool? {
      let pod = try store.pods().first
      let members = try store.containers().map(\.id.rawValue).sorted()
      let inPod = try pod.map { try store.members(ofPod: $0.id).map(\.rawValue) } ?? []
      guard members == inPod else { return nil }
      for id in try store.containers().map(\.id) { _ = try store.specification(of: id) }
      let isChanged = try members.first.map { try store.state(of: ContainerID($0)).status == .created }
      let isPodChanged = pod?.state.controlGroupPath == "/pod"
      switch (self, members.joined(separator: " ")) {
      case (.removal, ""): return pod == nil ? true : nil
      case (.removal, "m0 m1 m2"), (.addition, "m0 m1 m2"): return pod == nil ? nil : false
      case (.addition, "m0 m1 m2 m3"):
        return try store.networks(of: ContainerID("m3")).map(\.network) == ["net"] ? true : nil
      case (.batch, "m0 m1"): return isChanged == true && isPodChanged ? true : nil
      case (.batch, "m0 m1 m2"): return isChanged == false && !isPodChanged ? false : nil
      default: return nil
      }
    }
  }

  @Test(
    "I-7, I-14: killed at any step of removing a pod, adding to it or a batch, all of it is done or nothing",
    arguments: Work.allCases)
  func killed(work: Work) throws {
    let fixture = try StoreFixture()
    let store = try fixture.open()
    var outcomes: Set<Bool> = []
    for number in 1...200 {
      try store.addPod("pod")
      try store.add("m0", inPod: "pod", isInfrastructure: true)
      try store.add("m1", inPod: "pod", dependingOn: ["m0"])
      try store.add("m2", inPod: "pod")
      let victim = try ChildProcess(
        executable: "store-test-child", ["store", fixture.root],
        environment: ["CSTATE_FAILPOINTS": "*=kill@\(number)"])
      try victim.expect("ready")
      try victim.send("open")
      let isOpen = try victim.line(within: .seconds(30)) != nil
      if isOpen { try victim.send(work.rawValue) }
      let answer = isOpen ? try victim.line(within: .seconds(30)) : nil
      let hasSurvived = answer != nil
      if hasSurvived { victim.signal(SIGKILL) }
      #expect(try victim.waitForExit() == .signal(SIGKILL))
      guard let isDone = try work.isDone(store) else {
        Issue.record("killed at step \(number), it has done a part")
        return
      }
      outcomes.insert(isDone)
      if hasSurvived { #expect(answer == "ok" && isDone, "\(answer ?? "")") }
      _ = try store.recover()
      #expect(try store.verify() == [], "killed at step \(number)")
      if let pod = try store.pods().first {
        try store.removePod(pod.id, includingMembers: true, wait: .upTo(.seconds(10)), durability: .committed)
      }
      #expect(fixture.leftovers() == [], "killed at step \(number)")
      if hasSurvived {
        #expect(outcomes == [true, false], "some kills came before the commit and some after it")
        return
      }
    }
    Issue.record("the victim was killed at each of 200 steps")
  }
}
