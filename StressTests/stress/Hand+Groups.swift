internal import ContainerStateStore
internal import StoreHistory

/// What the embedder's own JSON says at declared paths: records are found by it as it is now (INVARIANT I-3).
extension Hand {
  /// Declares a path for every kind of JSON, which may be done already.
  func declarePaths() {
    var isDeclared = false
    perform(.declare) { store in
      for owner in ExtraOwner.allCases {
        try store.declareExtraIndex(ExtraIndex(owner, path: Content.groupPath), durability: .committed)
      }
      isDeclared = true
      return []
    }
    if isDeclared { plan.board.store(.declared, 1) }
  }

  /// Finds records of one kind by a group.
  func listByGroup() {
    guard plan.board.load(.declared) != 0 else { return }
    let group = Content.group(UInt64(draw(0...Int(Content.groupCount) - 1)))
    let part: ExtraFilter.Part = draw(0...1) == 0 ? .configuration : .state
    let filter = ExtraFilter(part, path: Content.groupPath, equals: .string(group))
    switch draw(0...4) {
    case 0...2: listContainers(by: filter, group)
    case 3: listPods(by: filter, group)
    default: listVolumes(by: filter, group)
    }
  }

  /// In one snapshot the filter lets those through, and no others, whose JSON says so.
  private func listContainers(by extra: ExtraFilter, _ group: String) {
    var filter = ContainerFilter()
    filter.extra = [extra]
    perform(.list) { store in
      try store.read { snapshot in
        let all = try snapshot.containers()
        let found = try snapshot.containers(where: filter).map(\.id)
        let wanted = all.filter { container in
          let json = extra.part == .state ? container.stateExtra : container.configuration.extra
          return Content.group(in: json) == group
        }.map(\.id)
        if Set(found) != Set(wanted) {
          complaints.add("\(found) are found by \(extra.part) \(group), and \(wanted) say so")
        }
        return all.compactMap(listed)
      }
    }
  }

  private func listPods(by extra: ExtraFilter, _ group: String) {
    var filter = PodFilter()
    filter.extra = [extra]
    perform(.has, []) { store in
      for pod in try store.pods(where: filter) {
        check(extra.part == .state ? pod.stateExtra : pod.configuration.extra, group, "\(pod.id)")
      }
      return []
    }
  }

  private func listVolumes(by extra: ExtraFilter, _ group: String) {
    var filter = VolumeFilter()
    filter.extra = [extra]
    perform(.has, []) { store in
      for volume in try store.volumes(where: filter) {
        check(
          extra.part == .state ? volume.stateExtra : volume.configuration.extra, group, "\(volume.name)")
      }
      return []
    }
  }

  private func check(_ json: JSONBytes?, _ group: String, _ record: String) {
    let present = Content.group(in: json)
    if present != group { complaints.add("\(record) is found by \(group) and says \(present ?? "nothing")") }
  }
}
