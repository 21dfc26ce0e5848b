internal import ContainerStateStore
internal import Glibc

extension CommandOption {
  static let all = CommandOption("all", letter: "a", "Those that do not run too")
  static let quiet = CommandOption("quiet", letter: "q", "Ids only")
  static let noTruncation = CommandOption("no-trunc", "Whole ids")
  static let filter = CommandOption(
    "filter", letter: "f", value: "KEY=VALUE", "Only those that match all filters; may be given several times"
  )
  static let last = CommandOption(
    "last", letter: "n", value: "COUNT", "Only so many, the newest, whatever their status")
}

extension CommandOption {
  static let watch = CommandOption("watch", letter: "w", "Print the list again after each change")
  static let sort = CommandOption(
    "sort", value: "KEY", "By created (the default), name, status or exited; -KEY for the other way round")
}

extension Verb {
  static let list = Verb(
    "ps", "List containers, newest first",
    options: [.all, .quiet, .noTruncation, .filter, .sort, .last, .watch, .showSecrets],
    details: [
      "Filters: status=STATUS (one of several: repeat it), label=KEY or label=KEY=VALUE, name=TEXT "
        + "(anywhere in the name), id=TEXT (its beginning), pod=NAME, volume=NAME, network=NAME, "
        + "ancestor=IMAGE, "
        + "pattern=PATTERN (of the whole name, with * and ?), exited=CODE, depends-on=NAME, "
        + "extra.PATH=VALUE and state-extra.PATH=VALUE (see cstate extra-index add), before=MOMENT, "
        + "since=MOMENT, where a moment is a container's name or id, or nanoseconds since 1970. With status= "
        + "or --last, -a is implied.",
      "With --watch the list is printed again after each change, in place on a terminal and else below the "
        + "one before, until INT, TERM, HUP or QUIT ends it with exit status 0. With --format json each list "
        + "is a line then.",
      "Damaged rows are named on standard error, the others are listed, and the exit status is that of "
        + "corrupt. With -q nothing but ids is read, so only a damaged id is.",
    ],
    json: "[{\"id\": TEXT, \"name\": TEXT, \"image\": TEXT, \"status\": TEXT, \"recorded_status\": TEXT, "
      + "\"created_at_ns\": NUMBER, \"started_at_ns\": NUMBER, \"finished_at_ns\": NUMBER, "
      + "\"exit_code\": NUMBER, \"pid\": NUMBER, \"pod\": TEXT, \"labels\": {KEY: TEXT}, \"ports\": "
      + "[{\"host_address\": TEXT, \"host_port\": NUMBER, \"container_port\": NUMBER, "
      + "\"transport\": TEXT}, …]}, …]; started_at_ns, "
      + "finished_at_ns and exit_code are left out where they are not known, and pod (its id) where it is in "
      + "none; values of labels are hidden without --show-secrets, and labels or ports that are damaged are "
      + "left out",
    example: "cstate ps -a --filter label=tier=front"
  ) { invocation in
    let filter = try ListFilter(invocation.arguments, store: invocation.store()).filter
    guard invocation.arguments.has(.watch) else {
      for damage in try printList(filter, on: invocation) { invocation.report(damage) }
      return ExitStatus.done
    }
    var reported: Set<String> = []
    try ListWatch(invocation).run {
      for damage in try printList(filter, on: invocation) where reported.insert(damage.subject).inserted {
        invocation.report(damage)
      }
    }
    return ExitStatus.done
  }

  /// Prints the containers that a filter lets through, and returns what could not be read.
  private static func printList(
    _ filter: ContainerFilter, on invocation: Invocation
  ) throws -> [StoreError] {
    let store = try invocation.store()
    if invocation.arguments.has(.quiet), !invocation.settings.printsJSON {
      let list = try store.containerIDs(where: filter)
      printIDs(list.ids, on: invocation)
      return list.corrupt
    }
    let list = try store.containerSummaries(
      where: filter, including: invocation.settings.printsJSON ? [.pod, .labels, .ports] : .ports)
    var damage = list.corrupt
    let containers = list.containers.map { ListedContainer($0, store: store, damage: &damage) }
    if invocation.settings.printsJSON {
      let json = json(of: containers, showsSecrets: invocation.arguments.has(.showSecrets))
      if invocation.arguments.has(.watch) {
        invocation.output.line(json.text)
      } else {
        invocation.print(json)
      }
    } else {
      table(of: containers, isWhole: invocation.arguments.has(.noTruncation)).print(to: &invocation.output)
    }
    return damage
  }

  /// Prints ids; nothing else of the containers was read.
  private static func printIDs(_ ids: [ContainerID], on invocation: Invocation) {
    let isWhole = invocation.arguments.has(.noTruncation)
    for id in ids { invocation.output.line(printable(isWhole ? id.rawValue : id.short, limit: 128)) }
  }

  private static func table(of containers: [ListedContainer], isWhole: Bool) -> Table {
    let now = Int64(nanoseconds(CLOCK_REALTIME))
    var table = Table("CONTAINER ID", "IMAGE", "CREATED", "STATUS", "PORTS", "NAME")
    for container in containers {
      let summary = container.summary
      table.add(
        printable(isWhole ? summary.id.rawValue : summary.id.short, limit: 128),
        printable(summary.imageName, limit: 128),
        roughly(since: summary.createdAt.nanosecondsSinceEpoch, now: now) + " ago",
        container.statusForPeople(nowNanoseconds: now),
        printable(container.ports?.map(\.forPeople).joined(separator: ", ") ?? "?", limit: 128),
        printable(summary.name, limit: 255))
    }
    return table
  }

  private static func json(of containers: [ListedContainer], showsSecrets: Bool) -> JSONBytes {
    .objects(containers) { json, container in
      let summary = container.summary
      json.member("id", summary.id.rawValue)
      json.member("name", summary.name)
      json.member("image", summary.imageName)
      json.member("status", container.status.name)
      json.member("recorded_status", container.recorded.name)
      json.member("created_at_ns", summary.createdAt.nanosecondsSinceEpoch)
      json.member("started_at_ns", summary.startedAt?.nanosecondsSinceEpoch)
      json.member("finished_at_ns", summary.finishedAt?.nanosecondsSinceEpoch)
      json.member("exit_code", summary.exitCode)
      json.member("pid", summary.pid)
      json.member("pod", summary.pod?.rawValue)
      json.member(
        "labels", showsSecrets ? container.labels : container.labels?.mapValues { _ in Redaction.hidden })
      if let ports = container.ports { json.ports("ports", ports) }
    }
  }
}
