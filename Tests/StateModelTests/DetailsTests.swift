internal import JSONText
internal import StateModel
internal import StoreTestSupport
internal import Testing

@Suite("Configurations as JSON")
struct DetailsTests {
  @Test("details survive the way through JSON, whatever they hold", arguments: SeededGenerator.seeds)
  func roundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for round in 0..<200 {
      let details = random.details()
      let configuration = try ContainerConfiguration(
        id: ContainerID("abc"), name: "abc", createdAt: Timestamp(nanosecondsSinceEpoch: 0), details: details)
      #expect(try configuration.details() == details, "seed \(seed), round \(round)")
      #expect(try configuration.labels() == details.labels)
      #expect(try configuration.dependencies() == details.allDependencies)
    }
  }

  @Test("details that say nothing come back as the defaults")
  func defaults() throws {
    let configuration = try ContainerConfiguration(
      id: ContainerID("abc"), name: "abc", createdAt: Timestamp(nanosecondsSinceEpoch: 0))
    #expect(try configuration.details() == ContainerDetails())
  }

  @Test("members of a newer version are skipped, and damaged ones are `corrupt`")
  func foreign() throws {
    func configuration(_ json: String) throws -> ContainerConfiguration {
      ContainerConfiguration(
        id: try ContainerID("abc"), name: "abc", createdAt: Timestamp(nanosecondsSinceEpoch: 0),
        createdZoneOffsetSeconds: 0, imageID: "", imageName: "", extra: nil,
        detailsJSON: JSONBytes(unchecked: Array(json.utf8)))
    }
    let newer = try configuration(#"{"new":[{"a":1}],"labels":{"a":"b"},"namespace_joins":{"time":"x"}}"#)
      .details()
    #expect(newer.labels == ["a": "b"])
    #expect(newer.namespaceJoins.isEmpty)
    for json in [
      "", "[", "[]", #"{"labels":[]}"#, #"{"mounts":{}}"#, #"{"stop_signal":"x"}"#, #"{"stdin":1}"#,
      #"{"dependencies":["../x"]}"#, #"{"dependencies":[""]}"#, #"{"namespace_joins":{"net":"a\nb"}}"#,
      #"{"stop_signal":4294967311}"#, #"{"stop_timeout_s":-1}"#, #"{"ports":[{"host_port":65616}]}"#,
    ] {
      let error = #expect(throws: StoreError.self, "\(json)") { try configuration(json).details() }
      #expect(error?.code == .corrupt)
      #expect(error?.subject == "abc")
    }
  }
}

extension SeededGenerator {
  private mutating func chance() -> Bool { next() & 1 == 0 }

  /// Text with everything that JSON has to escape and what is wider than a byte.
  private mutating func text() -> String {
    let letters: [Character] = [
      "a", "\"", "\\", "/", "\n", "\u{1}", "\u{7F}", "é", "\u{2028}", "🙂", " ", "{",
    ]
    return String(
      (0..<Int.random(in: 0..<12, using: &self)).map { _ in letters.randomElement(using: &self) ?? "a" })
  }

  private mutating func id() -> ContainerID {
    ContainerID(unchecked: "id-\(Int.random(in: 0..<20, using: &self))")
  }

  mutating func details() -> ContainerDetails {
    var details = ContainerDetails()
    (details.processLabel, details.mountLabel) = (text(), text())
    (details.sharedMemoryDirectory, details.staticDirectory) = (text(), text())
    (details.createsNetworkNamespace, details.keepsStandardInputOpen) = (chance(), chance())
    (details.usesImageConfiguration, details.isInfrastructure) = (chance(), chance())
    details.stopSignal = Int32.random(in: 0...64, using: &self)
    details.stopTimeoutSeconds =
      chance() ? .random(in: 0 ... .max, using: &self) : [0, 10, .max][Int(next() % 3)]
    for _ in 0..<Int.random(in: 0..<4, using: &self) {
      let options = (0..<Int.random(in: 0..<3, using: &self)).map { _ in text() }
      details.mounts.append(Mount(type: text(), source: text(), destination: text(), options: options))
      details.portMappings.append(
        PortMapping(
          hostAddress: text(), hostPort: .random(in: 0 ... .max, using: &self),
          containerPort: .random(in: 0 ... .max, using: &self), transport: text()))
      details.labels["k" + text()] = text()
      details.dependencies.insert(id())
      if let kind = NamespaceKind.allCases.randomElement(using: &self) { details.namespaceJoins[kind] = id() }
    }
    let policies: [RestartPolicy] = [
      .never, .always, .unlessStopped, .onFailure(maximumRetries: 0), .onFailure(maximumRetries: .max),
    ]
    details.restartPolicy = policies.randomElement(using: &self) ?? .never
    return details
  }
}
