internal import ContainerStateStore

/// A container with everything that is known of it, decoded before anything is written.
struct InspectedContainer {
  private let container: Container
  private let details: ContainerDetails
  private let specification: JSONBytes

  init(_ nameOrPrefix: String, store: StateStore) throws(StoreError) {
    container = try store.lookUpContainer(nameOrPrefix)
    details = try container.configuration.details()
    specification = try store.specification(of: container.id)
  }

  var id: String { container.id.rawValue }
  var name: String { container.name }

  /// Writes its members.
  func write(to json: inout JSONWriter, showsSecrets: Bool) {
    let configuration = container.configuration
    json.member("id", container.id.rawValue)
    json.member("name", container.name)
    json.member("created_at_ns", configuration.createdAt.nanosecondsSinceEpoch)
    json.member("created_zone_offset_s", configuration.createdZoneOffsetSeconds)
    json.member("image_id", configuration.imageID)
    json.member("image_name", configuration.imageName)
    json.member("generation", container.generation)
    json.member("configuration_revision", container.configurationRevision)
    json.member("state_revision", container.stateRevision)
    json.key("configuration")
    write(details, to: &json, showsSecrets: showsSecrets)
    json.member("extra", configuration.extra)
    json.key("state")
    write(container.state, to: &json)
    json.member("state_extra", container.stateExtra)
    json.key("specification")
    if showsSecrets { json.raw(specification) } else { json.redacted(specification.root) }
  }

  private func write(_ state: ContainerState, to json: inout JSONWriter) {
    json.beginObject()
    json.member("status", state.status.name)
    json.member("pid", state.pid)
    json.member("pid_start_time_ticks", state.pidStartTime)
    json.member("monitor_pid", state.monitorPID)
    json.member("monitor_start_time_ticks", state.monitorStartTime)
    json.member("started_at_ns", state.startedAt?.nanosecondsSinceEpoch)
    json.member("finished_at_ns", state.finishedAt?.nanosecondsSinceEpoch)
    json.member("exit_code", state.exitCode)
    json.member("killed_for_memory", state.wasKilledForMemory)
    json.member("stopped_by_user", state.wasStoppedByUser)
    json.member("restart_count", state.restartCount)
    json.member("configuration_path", state.configurationPath)
    json.member("run_directory", state.runDirectory)
    json.member("mountpoint", state.mountpoint)
    json.member("network_namespace_path", state.networkNamespacePath)
    json.member("health", state.health)
    json.member("error_text", state.errorText)
    json.endObject()
  }

  private func write(_ details: ContainerDetails, to json: inout JSONWriter, showsSecrets: Bool) {
    json.beginObject()
    json.member("labels", showsSecrets ? details.labels : details.labels.mapValues { _ in Redaction.hidden })
    json.member("stop_signal", details.stopSignal)
    json.member("stop_timeout_s", details.stopTimeoutSeconds)
    json.member("restart_policy", name(of: details.restartPolicy))
    json.member("pod", details.pod?.rawValue)
    json.member("dependencies", details.allDependencies.sorted().map(\.rawValue))
    json.member(
      "namespace_joins",
      Dictionary(uniqueKeysWithValues: details.namespaceJoins.map { ($0.key.rawValue, $0.value.rawValue) }))
    json.objects("mounts", details.mounts) { json, mount in
      json.member("type", mount.type)
      json.member("source", mount.source)
      json.member("destination", mount.destination)
      json.member("options", mount.options)
    }
    json.ports("port_mappings", details.portMappings)
    json.member("process_label", details.processLabel)
    json.member("mount_label", details.mountLabel)
    json.member("shared_memory_directory", details.sharedMemoryDirectory)
    json.member("static_directory", details.staticDirectory)
    json.member("creates_network_namespace", details.createsNetworkNamespace)
    json.member("keeps_standard_input_open", details.keepsStandardInputOpen)
    json.member("uses_image_configuration", details.usesImageConfiguration)
    json.member("is_infrastructure", details.isInfrastructure)
    json.endObject()
  }

  private func name(of policy: RestartPolicy) -> String {
    switch policy {
    case .never: "never"
    case .always: "always"
    case .onFailure(let maximumRetries): "on-failure:\(maximumRetries)"
    case .unlessStopped: "unless-stopped"
    }
  }
}
