internal import ContainerStateStore
internal import StressSupport

/// The last worker of a run: opens the store once more, puts it in order, and writes down all that is there.
struct LastLook {
  private let plan: WorkerPlan
  private let complaints: Complaints
  private let hand: Hand

  init(_ plan: WorkerPlan, _ complaints: Complaints) throws {
    self.plan = plan
    self.complaints = complaints
    hand = try Hand(plan, complaints, thread: 0)
  }

  func run() throws {
    guard hand.open(), let store = hand.store else { return }
    hand.verify()
    hand.listWhole()
    hand.listPods()
    hand.listVolumes()
    hand.listSessions()
    hand.listCodes()
    if plan.options.lifecycles == 0 { hand.list() } else { LifecycleLife(plan, hand).endAll() }
    for object in 0..<hand.objects.count where plan.options.roles.hasMix { hand.lookAt(object) }
    for pod in hand.objects.pods where plan.options.roles.hasMix { hand.lookAtPod(pod) }
    for volume in hand.objects.volumes where plan.options.roles.hasMix { hand.lookAtVolume(volume) }
    hand.recover()
    hand.allChanges()
    // An engine settles every container that seems to run, those of the histories too: after they were seen.
    if plan.options.runtime != "none" { try EngineLife(plan, hand).removeAll() }
    try checkRepeatedRecovery(store)
    for violation in try store.verify() { complaints.add("verify at the end: \(violation)") }
    try checkSpecifications(store)
    try mountAll(store)
    hand.close()
    try lookAfterReboot()
  }

  /// Mounts each volume that is used, so that a reboot has something to take away whatever the run left.
  private func mountAll(_ store: StateStore) throws {
    for volume in try store.volumes() {
      guard let user = try store.users(ofVolume: volume.name).first else { continue }
      _ = try store.withLockedVolume(volume.name, wait: .upTo(.seconds(10))) { try $0.mount(for: user) }
    }
  }

  /// INVARIANT I-13: what the run left is opened as the first process after a reboot finds it, whose boot id
  /// the store is told.
  private func lookAfterReboot() throws {
    var options = StoreOptions(plan.options)
    options.bootID = "after-the-run"
    let store = try StateStore(at: StoreLocation(root: plan.run.store), options: options)
    for container in try store.containers() {
      let state = container.state
      if state.pid != 0 || state.monitorPID != 0 || state.isMounted || !state.networkNamespacePath.isEmpty {
        complaints.add("container \(container.id) has something of the boot before: \(state)")
      }
      let sessions = try store.execSessions(of: container.id)
      if !sessions.isEmpty {
        complaints.add("container \(container.id) still has \(sessions.count) sessions")
      }
    }
    for volume in try store.volumeSummaries().volumes where volume.mountCount > 0 {
      complaints.add("volume \(volume.name.rawValue) is still mounted after a reboot")
    }
    for violation in try store.verify() { complaints.add("verify after a reboot: \(violation)") }
    try store.close()
  }

  /// A second recovery finds nothing to do.
  private func checkRepeatedRecovery(_ store: StateStore) throws {
    let report = try store.recover()
    let found = report.reset.count + report.reapedLockFiles.count + report.reapedSpecificationFiles.count
    if found > 0 || report.wasRebooted { complaints.add("a second recovery still found \(found) things") }
    if !report.unfinished.isEmpty { complaints.add("intents are left: \(report.unfinished)") }
    if !report.held.isEmpty { complaints.add("locks are held that nobody can hold: \(report.held)") }
  }

  /// Every specification is there and is what its container was added with.
  private func checkSpecifications(_ store: StateStore) throws {
    for container in try store.containers() {
      guard hand.objects.object(ofID: container.id.rawValue) != nil else {
        complaints.add("container \(container.id) is left over")
        continue
      }
      guard let added = UInt64(try container.configuration.labels()["value"] ?? "") else {
        complaints.add("container \(container.id) has lost its labels")
        continue
      }
      if try store.specification(of: container.id) != Content.specification(added) {
        complaints.add("container \(container.id) has another specification than it was added with")
      }
    }
  }
}
