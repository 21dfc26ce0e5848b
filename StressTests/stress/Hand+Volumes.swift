internal import ContainerStateStore
internal import StoreHistory

extension Hand {
  /// A volume: some are asked for more often than others.
  private func drawVolume() -> Int {
    let volumes = objects.volumes
    return volumes[draw(0...(draw(0...9) < 3 ? min(1, volumes.count - 1) : volumes.count - 1))]
  }

  /// Does something about a volume.
  func volume() {
    let volume = drawVolume()
    switch draw(0...22) {
    case 20...22: volumeTogether(volume)
    case 0...2: addVolume(volume)
    case 3...6: updateVolume(volume)
    case 7...8: rewriteVolume(volume)
    case 9: removeVolume(volume)
    case 10...13: mount(volume)
    case 14: lookAtVolume(volume)
    case 15: lookUpVolume(volume)
    case 16: listVolumes()
    default: listUsers(of: volume)
    }
  }

  func addVolume(_ volume: Int) {
    let (value, configurationValue) = (nextValue(), nextValue())
    let whole = [volume, objects.volumeConfiguration(of: volume)]
    perform(
      .add, whole, values: [value, configurationValue], allowed: [.alreadyExists],
      because: { _ in [Seen(object: volume, .present)] },
      { store in
        var state = VolumeState()
        state.mountpoint = String(value)
        let added = try store.addVolume(
          try configuration(of: volume, configurationValue, createdAt: .now), state: state,
          durability: durability)
        return seenWhole(added, volume)
      })
  }

  private func configuration(
    of volume: Int, _ value: UInt64, createdAt: Timestamp
  ) throws -> VolumeConfiguration {
    var details = VolumeDetails()
    details.options = ["value": String(value)]
    return try VolumeConfiguration(
      name: try VolumeName(objects.name(ofVolume: volume)), createdAt: createdAt,
      isAnonymous: objects.isAnonymous(volume), details: details, extra: try Content.extra(value))
  }

  private func updateVolume(_ volume: Int) {
    if plan.plants(.doubleHolder), draw(0...3) == 0 { return pretendToHold(volume) }
    let value = nextValue()
    var asked = Asked(.update, [volume], values: [value], allowed: [.notFound])
    if draw(0...4) == 0, let last = lastSeen[volume] {
      asked.expected = [volume: last.revision]
      asked.allowed.insert(.conflict)
    }
    perform(asked) { store in
      try store.withLockedVolume(try name(volume), wait: wait) { locked in
        enter(seen(locked.volume, volume), locked.fencingToken)
        defer { leave(volume) }
        let expected = asked.expected[volume]
        if draw(0...1) == 0 {
          try locked.update(
            stateExtra: Content.extra(value), expecting: expected, durability: durability
          ) { $0.mountpoint = String(value) }
        } else {
          try locked.update(expecting: expected, durability: durability) { $0.mountpoint = String(value) }
        }
        return [note(wrote: seen(locked.volume, volume))]
      }
    }
  }

  private func rewriteVolume(_ volume: Int) {
    let value = nextValue()
    let object = objects.volumeConfiguration(of: volume)
    perform(Asked(.update, [object], values: [value], locked: [volume], allowed: [.notFound])) { store in
      try store.withLockedVolume(try name(volume), wait: wait) { locked in
        enter(seen(locked.volume, volume), locked.fencingToken)
        defer { leave(volume) }
        note(looked: seenConfiguration(locked.volume, volume))
        try locked.rewrite(
          try configuration(of: volume, value, createdAt: locked.volume.configuration.createdAt),
          durability: durability)
        return [note(wrote: seenConfiguration(locked.volume, volume))]
      }
    }
  }

  /// A volume, its configuration and a container that can use it in one commit, or none of them.
  private func volumeTogether(_ volume: Int) {
    let users = objects.users(of: volume)
    guard !users.isEmpty else { return }
    let user = users[draw(0...users.count - 1)]
    let written = [volume, objects.volumeConfiguration(of: volume), user]
    let values = written.map { _ in nextValue() }
    let givesUp = draw(0...5) == 0
    var asked = Asked(.together, written, values: values, allowed: [.notFound])
    // INVARIANT I-14: what the batch had changed goes with what is refused in its commit.
    if givesUp { asked.allowed.insert(.inUse) }
    perform(asked) { store in
      let (name, id) = (try name(volume), try id(user))
      return try store.withLockedRecords(containers: [id], volumes: [name], wait: wait) { locked in
        try locked.withVolume(name) {
          enter(seen($0.volume, volume), $0.fencingToken)
          note(looked: seenConfiguration($0.volume, volume))
        }
        defer { leave(volume) }
        try locked.withContainer(id) { enter($0, user) }
        defer { leave(user) }
        try locked.write(durability: durability) { batch in
          try batch.update(volume: name) { $0.mountpoint = String(values[0]) }
          let present = try batch.volume(name).configuration
          try batch.rewrite(try configuration(of: volume, values[1], createdAt: present.createdAt))
          try batch.update(container: id) { Content.change(&$0, to: values[2]) }
          // Its user is locked and stays.
          if givesUp { try batch.remove(volume: name) }
        }
        if givesUp { complaints.add("\(ObjectKind.name(of: volume)) was removed, and \(user) uses it") }
        let wholeVolume = try locked.withVolume(name) { seenWhole($0.volume, volume) }
        return try wholeVolume + locked.withContainer(id) { [seen($0.container, user)] }
      }
    }
  }

  /// A volume alone, which nobody may use, or with the containers that use it.
  func removeVolume(_ volume: Int) {
    let users = objects.users(of: volume)
    let isWhole = draw(0...1) == 0
    let chosen = isWhole ? users : []
    let whole = everything(ofVolume: volume)
    let others = chosen.flatMap { everything(of: $0) }.filter { !whole.contains($0) }
    perform(
      .remove, whole + others,
      allowed: [.notFound, .inUse, .conflict], because: { self.reasons($0, ofRemoving: volume) },
      { store in
        let removed = try store.removeVolume(
          try name(volume), includingUsers: isWhole, wait: wait, durability: durability)
        checkOrder(removed)
        let gone = isWhole ? seen(removed, of: chosen) : users.map { Seen(object: $0, .absent) }
        return whole.map { Seen(object: $0, .present) } + gone.filter { !whole.contains($0.object) }
          + excluded(by: chosen)
      })
  }

  func everything(ofVolume volume: Int) -> [Int] { [volume, objects.volumeConfiguration(of: volume)] }

  /// INVARIANT I-18: who has it mounted is counted once, and as long as he is there.
  private func mount(_ volume: Int) {
    let users = objects.users(of: volume)
    guard !users.isEmpty else { return }
    let user = users[draw(0...users.count - 1)]
    let isMounting = draw(0...1) == 0
    perform(
      .section, [volume], allowed: [.notFound],
      because: {
        $0.subject == self.objects.name(ofVolume: volume)
          ? [Seen(object: volume, .absent)]
          : [Seen(object: user, .absent)]
      },
      { store in
        try store.withLockedVolume(try name(volume), wait: wait) { locked in
          let before = seen(locked.volume, volume)
          enter(before, locked.fencingToken)
          defer { leave(volume) }
          let count =
            isMounting
            ? try locked.mount(for: try id(user), durability: durability)
            : try locked.unmount(for: try id(user), durability: durability)
          let mounters = try store.mounters(ofVolume: try name(volume))
          let isMounted = try mounters.contains(id(user))
          // A container that is removed takes its mounts along, whoever has the volume locked.
          if count < (isMounting ? 1 : 0) || count > users.count || (isMounted && !isMounting) {
            complaints.add("\(ObjectKind.name(of: volume)) has \(count) mounts, of \(mounters)")
          }
          return [before] + (isMounting ? [Seen(object: user, .present)] : [])
        }
      })
  }

  /// Whether a volume is there, and what it says.
  func lookAtVolume(_ volume: Int) {
    perform(.has, [volume]) { store in
      [Seen(object: volume, isThere: try store.hasVolume(try name(volume)))]
    }
    perform(.read, [volume], allowed: [.notFound]) { store in
      seenWhole(try store.volume(try name(volume)), volume)
    }
  }

  private func lookUpVolume(_ volume: Int) {
    let text = objects.name(ofVolume: volume)
    perform(.lookUp, [volume], allowed: [.notFound]) { store in
      let found = try store.lookUpVolume(text)
      if found.name.rawValue != text { complaints.add("looking up \(text) gave \(found.name)") }
      return seenWhole(found, volume)
    }
  }

  func listVolumes() {
    perform(.listVolumes) { store in
      try store.volumes().flatMap { found in
        objects.volume(named: found.name.rawValue).map { seenWhole(found, $0) } ?? []
      }
    }
  }

  /// The containers that use a volume: all that can and are not named are not there.
  private func listUsers(of volume: Int) {
    let users = objects.users(of: volume)
    guard !users.isEmpty else { return }
    perform(
      .list, users, allowed: [.notFound], because: { _ in [Seen(object: volume, .absent)] },
      { store in
        let found = try store.users(ofVolume: try name(volume)).compactMap {
          objects.object(ofID: $0.rawValue)
        }
        if !Set(found).isSubset(of: users) {
          complaints.add("\(ObjectKind.name(of: volume)) is used by \(found)")
        }
        return found.map { Seen(object: $0, .present) } + [Seen(object: volume, .present)]
      })
  }

  private func name(_ volume: Int) throws -> VolumeName { try VolumeName(objects.name(ofVolume: volume)) }

  private func seenWhole(_ found: Volume, _ volume: Int) -> [Seen] {
    [seen(found, volume), seenConfiguration(found, volume)]
  }

  private func seen(_ found: Volume, _ volume: Int) -> Seen {
    guard let value = UInt64(found.state.mountpoint) else { return Seen(object: volume, .half) }
    let version = Version(generation: found.generation, revision: found.stateRevision, value: value)
    remember(version, of: volume)
    return Seen(object: volume, version: version)
  }

  private func seenConfiguration(_ found: Volume, _ volume: Int) -> Seen {
    let object = objects.volumeConfiguration(of: volume)
    let configuration = found.configuration
    guard let value = Content.value(of: configuration.extra),
      configuration.details.options["value"] == String(value)
    else { return Seen(object: object, .half) }
    return Seen(
      object: object,
      version: Version(generation: found.generation, revision: found.configurationRevision, value: value))
  }
}
