@testable internal import ContainerStateStore
internal import FileLocking
internal import StoreTestSupport
internal import Testing

/// The compiler keeps a `LockedContainer` from outliving its closure; this is what unsafe code would meet
/// that got around it.
@Suite("A scope that has ended")
struct ScopeTests {
  let fixture: StoreFixture
  let store: StateStore
  init() throws {
    fixture = try StoreFixture()
    store = try fixture.open()
  }

  @Test("a lock that outlives its scope is `scopeEnded` for every call, and writes nothing")
  func leaked() throws {
    let id = try store.add("abc")
    let locks = try HeldLocks([store.lockName(of: id)], wait: .none, operation: "leak")
    let scope: ContainerScope = try store.lockedScope(of: id, locks)
    let locked = LockedContainer(scope)
    try locked.update { $0.restartCount = 1 }
    scope.end()
    locks.release()
    expectError(.scopeEnded) { try locked.update { $0.restartCount = 2 } }
    expectError(.scopeEnded) { try locked.write(locked.state) }
    expectError(.scopeEnded) { try locked.setStateExtra(nil) }
    expectError(.scopeEnded) { try locked.setIntent(.begin(.stop)) }
    expectError(.scopeEnded) { try locked.recordExit(code: 0, finishedAt: .now) }
    expectError(.scopeEnded) { try locked.dependants() }
    expectError(.scopeEnded) { try locked.specification() }
    expectError(.scopeEnded) { try locked.specificationCopy() }
    let error = expectError(.scopeEnded) { try locked.remove() }
    #expect(error?.subject == "abc")
    #expect(try store.container(id).stateRevision == 2)
    try expectClean(store)
  }

  @Test("the lock of a pod that outlives its scope is `scopeEnded` for every call too, and so is a batch")
  func leakedPod() throws {
    let id = try store.addPod("pod")
    let locks = try HeldLocks([store.podLockName(of: id)], wait: .none, operation: "leak")
    let scopes = RecordScopes(store, locks)
    scopes.pods[id] = try store.lockedScope(of: id, locks)
    let records = LockedRecords(scopes)
    var batch = RecordBatch(scopes)
    try batch.update(pod: id) { $0.controlGroupPath = "/pod" }
    try records.withPod(id) { try $0.update { $0.controlGroupPath = "/a" } }
    scopes.end()
    try records.withPod(id) { locked in
      expectError(.scopeEnded) { try locked.update { _ in } }
      expectError(.scopeEnded) { try locked.setStateExtra(nil) }
      expectError(.scopeEnded) { try locked.rewrite(locked.pod.configuration) }
      expectError(.scopeEnded) { try locked.remove() }
    }
    expectError(.scopeEnded) { try records.write { try $0.update(pod: id) { _ in } } }
    expectError(.scopeEnded) { try records.write { try $0.remove(pod: id) } }
    expectError(.scopeEnded) { try batch.commit(.committed) }
    #expect(try store.pod(id).stateRevision == 2)
    try expectClean(store)
  }

  @Test("the lock of a volume that outlives its scope is `scopeEnded` for every call too")
  func leakedVolume() throws {
    let name = try store.addVolume("data")
    let id = try store.add("abc")
    let locks = try HeldLocks([store.lockName(of: name)], wait: .none, operation: "leak")
    let scopes = RecordScopes(store, locks)
    scopes.volumes[name] = try store.lockedScope(of: name, locks)
    let records = LockedRecords(scopes)
    try records.withVolume(name) { try $0.update { $0.mountpoint = "/a" } }
    scopes.end()
    try records.withVolume(name) { locked in
      expectError(.scopeEnded) { try locked.update { _ in } }
      expectError(.scopeEnded) { try locked.setStateExtra(nil) }
      expectError(.scopeEnded) { try locked.rewrite(locked.volume.configuration) }
      expectError(.scopeEnded) { try locked.mount(for: id) }
      expectError(.scopeEnded) { try locked.unmount(for: id) }
      expectError(.scopeEnded) { try locked.remove() }
    }
    expectError(.scopeEnded) { try records.write { try $0.update(volume: name) { _ in } } }
    #expect(try store.volume(name).stateRevision == 2)
    try expectClean(store)
  }
}
