internal import ContainerStateStore
internal import Glibc
internal import OCIEngine

extension CommandOption {
  static let podName = CommandOption("name", value: "NAME", "Its name; the beginning of its id otherwise")
  static let podLabel = CommandOption(
    "label", letter: "l", value: "KEY=VALUE", "A label; may be given several times")
  static let podForce = CommandOption("force", letter: "f", "With all containers in it")
}

/// Pods: `cstate pod …`.
extension Verb {
  static let podAdd = Verb(
    "pod add", "Add a pod", operands: "ID", count: 1...1, options: [.podName, .podLabel],
    details: ["The pod is in the store alone; an engine gives it a control group and namespaces."],
    json: #"{"id": TEXT, "name": TEXT}"#, example: "cstate pod add web-1 --name web"
  ) { invocation in
    let id = try ContainerID(invocation.arguments.operands[0])
    var details = PodDetails()
    details.labels = try invocation.pairs(.podLabel, called: "label")
    let pod = try invocation.store().addPod(
      PodConfiguration(
        id: id, name: invocation.arguments.value(.podName) ?? id.short, createdAt: .now, details: details))
    if invocation.settings.printsJSON {
      invocation.print(
        .object { json in
          json.member("id", pod.id.rawValue)
          json.member("name", pod.name)
        })
    } else {
      invocation.output.line(pod.id.rawValue)
    }
    return ExitStatus.done
  }

  static let podList = Verb(
    "pod ls", "List pods, newest first",
    details: [
      "Damaged rows are named on standard error, the others are listed, and the exit status is that of "
        + "corrupt."
    ],
    json: #"[{"id": TEXT, "name": TEXT, "created_at_ns": NUMBER, "containers": NUMBER, "#
      + #""containers_by_status": {STATUS: NUMBER, …}, "infrastructure": TEXT}, …], the last one only "#
      + "where there is one",
    example: "cstate pod ls"
  ) { invocation in
    let list = try invocation.store().podSummaries()
    if invocation.settings.printsJSON {
      invocation.print(
        .objects(list.pods) { json, pod in
          json.member("id", pod.id.rawValue)
          json.member("name", pod.name)
          json.member("created_at_ns", pod.createdAt.nanosecondsSinceEpoch)
          json.member("containers", pod.memberCount)
          json.key("containers_by_status")
          json.beginObject()
          for (status, count) in counts(of: pod) { json.member(status.name, count) }
          json.endObject()
          json.member("infrastructure", pod.infrastructure?.rawValue)
        })
    } else {
      let now = Int64(nanoseconds(CLOCK_REALTIME))
      var table = Table("POD ID", "NAME", "CREATED", "CONTAINERS", "STATUS", "INFRASTRUCTURE")
      for pod in list.pods {
        table.add(
          pod.id.short, printable(pod.name, limit: 255),
          roughly(since: pod.createdAt.nanosecondsSinceEpoch, now: now) + " ago", "\(pod.memberCount)",
          counts(of: pod).map { "\($0.count) \($0.status.name)" }.joined(separator: ", "),
          pod.infrastructure?.short ?? "")
      }
      table.print(to: &invocation.output)
    }
    for damage in list.corrupt { invocation.report(damage) }
    return ExitStatus.done
  }

  /// In the order of the life cycle.
  private static func counts(of pod: PodSummary) -> [(status: ContainerStatus, count: Int64)] {
    ContainerStatus.allCases.compactMap { status in
      pod.memberCountByStatus[status].map { (status, $0) }
    }
  }

  static let podInspect = Verb(
    "pod inspect", "Show everything about pods, as JSON", operands: "POD…", count: oneOrMore,
    options: [.showSecrets],
    details: ["Values of labels are hidden unless --show-secrets is given."],
    json: "(also without it) [{\"id\", \"name\", \"created_at_ns\", \"labels\": {…}, \"cgroup_parent\", "
      + "\"shared_namespaces\": […], \"cgroup_path\", \"infrastructure\", \"containers\": [TEXT, …], "
      + "\"generation\", \"configuration_revision\", \"state_revision\", \"extra\", \"state_extra\"}, …]",
    example: "cstate pod inspect web"
  ) { invocation in
    let store = try invocation.store()
    let showsSecrets = invocation.arguments.has(.showSecrets)
    var found: [InspectedPod] = []
    invocation.forEachOperand { operand in
      found.append(try InspectedPod(store.lookUpPod(operand), store: store))
    }
    invocation.print(
      .objects(found) { json, found in found.write(to: &json, showsSecrets: showsSecrets) })
    return ExitStatus.done
  }

  static let podRemove = Verb(
    "pod rm", "Remove pods", operands: "POD…", count: oneOrMore, options: [.podForce],
    details: [
      "A pod with containers stays unless --force is given. That ends and removes its containers first, "
        + "those that depend on others before these."
    ],
    json: "nothing", example: "cstate pod rm --force web"
  ) { invocation in
    let store = try invocation.store()
    invocation.forEachOperand { operand in
      let pod = try store.lookUpPod(operand)
      if invocation.arguments.has(.podForce) { try removeMembers(of: pod.id, store, invocation) }
      try store.removePod(pod.id, wait: invocation.settings.lockWait)
      if !invocation.settings.printsJSON { invocation.output.line(operand) }
    }
    return ExitStatus.done
  }

  /// The engine ends each container before its row goes, so that no process is left without one.
  private static func removeMembers(of pod: ContainerID, _ store: StateStore, _ invocation: Invocation) throws
  {
    let engine = try invocation.engine()
    var left = try store.members(ofPod: pod)
    while !left.isEmpty {
      let free = try left.filter { try store.dependants(of: $0).isEmpty }
      // Somebody outside depends on what is left: the store says who.
      for id in free.isEmpty ? left : free { try engine.remove(id, force: true) }
      left = try store.members(ofPod: pod)
    }
  }
}

/// A pod with what `pod inspect` and `inspect` print beside it.
struct InspectedPod {
  let pod: Pod
  private let details: PodDetails
  private let members: [ContainerID]

  init(_ pod: Pod, store: StateStore) throws(StoreError) {
    self.pod = pod
    details = try pod.configuration.details()
    members = try store.members(ofPod: pod.id)
  }

  /// Writes the members of its object.
  func write(to json: inout JSONWriter, showsSecrets: Bool) {
    json.member("id", pod.id.rawValue)
    json.member("name", pod.name)
    json.member("created_at_ns", pod.configuration.createdAt.nanosecondsSinceEpoch)
    json.member("labels", showsSecrets ? details.labels : details.labels.mapValues { _ in Redaction.hidden })
    json.member("cgroup_parent", details.controlGroupParent.isEmpty ? nil : details.controlGroupParent)
    json.member("shared_namespaces", details.sharedNamespaces.map(\.rawValue).sorted())
    json.member("cgroup_path", pod.state.controlGroupPath.isEmpty ? nil : pod.state.controlGroupPath)
    json.member("infrastructure", pod.infrastructure?.rawValue)
    json.member("containers", members.map(\.rawValue))
    json.member("generation", pod.generation)
    json.member("configuration_revision", pod.configurationRevision)
    json.member("state_revision", pod.stateRevision)
    json.member("extra", pod.configuration.extra)
    json.member("state_extra", pod.stateExtra)
  }
}
