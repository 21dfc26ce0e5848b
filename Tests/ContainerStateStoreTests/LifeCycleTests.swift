import ContainerStateStore
import StoreTestSupport
import Testing

@Suite("A container from add to remove")
struct LifeCycleTests {
  @Test("what is added is read back, updated under its lock and removed with everything that belongs to it")
  func wholeLife() throws {
    let directory = try TemporaryDirectory()
    let store = try StateStore(at: StoreLocation(root: directory.path + "/store"))
    let id = try ContainerID("abc123")
    var details = ContainerDetails()
    details.labels = ["a": "b", "c": "d"]
    details.mounts = [Mount(source: "/a", destination: "/b", options: ["ro"])]
    details.portMappings = [PortMapping(hostPort: 80, containerPort: 8080)]
    let configuration = try ContainerConfiguration(
      id: id, name: "web", createdAt: .now, imageName: "busybox", details: details,
      extra: JSONBytes(#"{"x": 1 }"#))
    try store.add(configuration, specification: JSONBytes(#"{"ociVersion":"1.0.2"}"#))
    let found = try store.container(id)
    #expect(found.configuration == configuration)
    #expect(try found.configuration.details() == details)
    #expect(try store.lookUpContainer("web").id == id)
    #expect(try store.lookUpContainer("abc").id == id)
    try store.withLockedContainer(id, wait: .none) { locked in
      try locked.update(intent: .begin(.create)) {
        $0.status = .created; $0.pid = 42
      }
      #expect(locked.intent?.operation == .create)
      #expect(try locked.specification().text == #"{"ociVersion":"1.0.2"}"#)
    }
    #expect(try store.state(of: id).pid == 42)
    #expect(try store.containerSummaries().containers.map(\.name) == ["web"])
    #expect(try store.containers().count == 1)
    let handle = try store.handle(for: id)
    try store.withLockedContainer(id, wait: .none) { try $0.remove() }
    #expect(throws: StoreError.self) { try handle.refresh() }
    #expect(handle.wasRemoved)
    #expect(try store.hasContainer(id) == false)
    let report = try store.recover()
    #expect(report == RecoveryReport())
    #expect(try store.verify().isEmpty)
    try store.close()
  }
}
