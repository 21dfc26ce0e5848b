internal import ContainerStateStore
internal import OCIEngine

extension Verb {
  static let info = Verb(
    "info", "Show where the store is, what it holds and what runs its containers",
    details: ["Has each OCI runtime create a container, unless one did so since the last boot."],
    json: "{\"version\": TEXT, \"root\": TEXT, \"lock_directory\": TEXT, \"specification_directory\": TEXT, "
      + "\"schema_version\": NUMBER, \"boot_epoch\": NUMBER, \"containers\": NUMBER, "
      + "\"sqlite_version\": TEXT, \"sqlite_has_wal_reset_race\": BOOL, \"page_size_bytes\": NUMBER, "
      + "\"wal_frames\": NUMBER, \"wal_frames_copied\": NUMBER, \"warnings\": [TEXT, …], "
      + "\"chosen_runtime\": TEXT, \"runtime_notice\": TEXT, "
      + "\"runtimes\": [{\"name\": TEXT, \"path\": TEXT, \"usable\": BOOL, \"why_not\": TEXT}, …]}",
    example: "cstate info"
  ) { invocation in
    let facts = try invocation.store().facts()
    let engine = try invocation.engine()
    let runtimes = try engine.availableRuntimes()
    let (chosen, notice) = try engine.selectedRuntime()
    if invocation.settings.printsJSON {
      invocation.print(json(facts, runtimes, chosen: chosen, notice: notice))
    } else {
      print(facts, runtimes, chosen: chosen, notice: notice, on: invocation)
    }
    return ExitStatus.done
  }

  private static func print(
    _ facts: StoreFacts, _ runtimes: [RuntimeTrial], chosen: String, notice: String?,
    on invocation: Invocation
  ) {
    var table = Table("WHAT", "VALUE")
    table.add("version", Version.number)
    table.add("root", facts.location.root)
    table.add("lock directory", facts.location.lockDirectory)
    table.add("specification directory", facts.location.specificationDirectory)
    table.add("schema version", "\(facts.schemaVersion)")
    table.add("boots seen", "\(facts.bootEpoch)")
    table.add("containers", "\(facts.containerCount)")
    let race =
      facts.sqliteHasWALResetRace ? "has the WAL-reset race; only foreign programs can meet it" : "sound"
    table.add("SQLite", "\(facts.sqliteVersion) (\(race))")
    table.add("WAL", "\(counted(facts.walFrames, "frame")), \(facts.walFramesCopied) copied back")
    for trial in runtimes {
      table.add("runtime \(trial.name)", trial.failure.map { "not usable: \($0)" } ?? trial.path ?? "usable")
    }
    table.add("new containers get", chosen)
    if let notice { table.add("notice", notice) }
    for warning in facts.warnings { table.add("warning", warning) }
    table.print(to: &invocation.output)
  }

  private static func json(
    _ facts: StoreFacts, _ runtimes: [RuntimeTrial], chosen: String, notice: String?
  ) -> JSONBytes {
    .object { json in
      json.member("version", Version.number)
      json.member("root", facts.location.root)
      json.member("lock_directory", facts.location.lockDirectory)
      json.member("specification_directory", facts.location.specificationDirectory)
      json.member("schema_version", facts.schemaVersion)
      json.member("boot_epoch", facts.bootEpoch)
      json.member("containers", facts.containerCount)
      json.member("sqlite_version", facts.sqliteVersion)
      json.member("sqlite_has_wal_reset_race", facts.sqliteHasWALResetRace)
      json.member("page_size_bytes", facts.pageSizeBytes)
      json.member("wal_frames", facts.walFrames)
      json.member("wal_frames_copied", facts.walFramesCopied)
      json.member("warnings", facts.warnings)
      json.member("chosen_runtime", chosen)
      json.member("runtime_notice", notice)
      json.objects("runtimes", runtimes) { json, trial in
        json.member("name", trial.name)
        json.member("path", trial.path)
        json.member("usable", trial.failure == nil)
        json.member("why_not", trial.failure)
      }
    }
  }
}
