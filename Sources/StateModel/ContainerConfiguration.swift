public import JSONText

/// The part of a container that is written once, by `add`.
///
/// What listings and lookups ask for is a stored property; the rest is kept as JSON bytes and decoded when
/// asked for.
public struct ContainerConfiguration: Sendable, Hashable {
  /// The container's id, unique over containers and pods.
  public var id: ContainerID { content.value.id }
  /// The container's name, unique over containers.
  public var name: String { content.value.name }
  /// When the engine created it.
  public var createdAt: Timestamp { content.value.createdAt }
  /// The creator's zone, in seconds east of UTC, −86 399 … 86 399.
  public var createdZoneOffsetSeconds: Int32 { content.value.createdZoneOffsetSeconds }
  /// The id of the root file system's image; empty where it has none.
  public var imageID: String { content.value.imageID }
  /// The name of the root file system's image; empty where it has none.
  public var imageName: String { content.value.imageName }
  /// The embedder's own JSON, returned byte for byte; nil where there is none.
  public var extra: JSONBytes? { content.value.extra }
  /// Everything else, as the store keeps it.
  package var detailsJSON: JSONBytes { content.value.detailsJSON }

  private let content: Shared<Content>

  /// Copied as one, and never changed.
  private struct Content: Sendable, Hashable {
    let id: ContainerID
    let name: String
    let createdAt: Timestamp
    let createdZoneOffsetSeconds: Int32
    let imageID: String
    let imageName: String
    let extra: JSONBytes?
    let detailsJSON: JSONBytes
  }

  /// A configuration to add.
  ///
  /// - Throws: `invalidArgument` where a value cannot be stored: a malformed name, a text with NUL, a stop
  ///   signal outside 0…64, a dependency on itself, `extra` over 1 MiB.
  public init(
    id: ContainerID, name: String, createdAt: Timestamp, createdZoneOffsetSeconds: Int32 = 0,
    imageID: String = "",
    imageName: String = "", details: ContainerDetails = .init(), extra: JSONBytes? = nil
  ) throws(StoreError) {
    try Identifier.checkName(name)
    guard createdZoneOffsetSeconds.magnitude < 86_400 else {
      throw .invalidArgument("creation zone", "a zone is less than a day east or west of UTC")
    }
    for text in [imageID, imageName] where text.containsNUL || text.utf8.count > 4096 {
      throw .invalidArgument("image", "an image id or name has at most 4096 bytes and no NUL")
    }
    try ContainerConfiguration.checkExtra(extra)
    try details.check(id: id)
    self.init(
      id: id, name: name, createdAt: createdAt, createdZoneOffsetSeconds: createdZoneOffsetSeconds,
      imageID: imageID,
      imageName: imageName, extra: extra, detailsJSON: details.encoded())
  }

  package init(
    id: ContainerID, name: String, createdAt: Timestamp, createdZoneOffsetSeconds: Int32, imageID: String,
    imageName: String, extra: JSONBytes?, detailsJSON: JSONBytes
  ) {
    content = Shared(
      Content(
        id: id, name: name, createdAt: createdAt, createdZoneOffsetSeconds: createdZoneOffsetSeconds,
        imageID: imageID, imageName: imageName, extra: extra, detailsJSON: detailsJSON))
  }

  /// The most bytes that `extra` may have, on a configuration or a state.
  public static let maximumExtraBytes = 1 << 20

  package static func checkExtra(_ extra: JSONBytes?) throws(StoreError) {
    if let extra, extra.bytes.count > maximumExtraBytes {
      throw .invalidArgument("extra", "the embedder's JSON has at most \(maximumExtraBytes) bytes")
    }
  }

  /// Everything that is not a stored property, decoded.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func details() throws(StoreError) -> ContainerDetails {
    let details: ContainerDetails
    do { details = try ContainerDetails(decoding: detailsJSON.root) } catch { throw damaged(error) }
    try checkIDs(details.allDependencies)
    try checkNames(details.volumes.map(\.name))
    return details
  }

  /// The labels alone: cheaper than `details()`.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func labels() throws(StoreError) -> [String: String] {
    do { return try ContainerDetails.labels(in: detailsJSON.root) } catch { throw damaged(error) }
  }

  /// Its labels and ports as a listing shows them, not decoded; nil for what there is none of.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  package func shownParts() throws(StoreError) -> ContainerDetails.ShownParts {
    do { return try ContainerDetails.shownParts(in: detailsJSON.root) } catch { throw damaged(error) }
  }

  /// The containers this one depends on, by namespace joins and otherwise, each once.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func dependencies() throws(StoreError) -> Set<ContainerID> {
    let ids: Set<ContainerID>
    do { ids = try ContainerDetails.allDependencies(in: detailsJSON.root) } catch { throw damaged(error) }
    try checkIDs(ids)
    return ids
  }

  /// The pod it is in; nil for none.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func pod() throws(StoreError) -> ContainerID? {
    let pod: ContainerID?
    do { pod = try ContainerDetails.pod(in: detailsJSON.root) } catch { throw damaged(error) }
    if let pod { try checkIDs([pod]) }
    return pod
  }

  /// The volumes it uses, each once.
  ///
  /// - Throws: `corrupt` where the stored bytes are damaged.
  public func volumes() throws(StoreError) -> Set<VolumeName> {
    let names: Set<VolumeName>
    do { names = try ContainerDetails.volumes(in: detailsJSON.root) } catch { throw damaged(error) }
    try checkNames(names)
    return names
  }

  private func checkNames(_ names: some Sequence<VolumeName>) throws(StoreError) {
    for name in names where !Identifier.isValid(name.rawValue, maximumLength: Identifier.maximumNameLength) {
      throw .corrupt(id.rawValue, "the stored configuration refers to something that is no volume's name")
    }
  }

  /// Ids become names of lockfiles, and something else may have written these.
  private func checkIDs(_ ids: Set<ContainerID>) throws(StoreError) {
    for id in ids where !Identifier.isValid(id.rawValue, maximumLength: Identifier.maximumIDLength) {
      throw .corrupt(self.id.rawValue, "the stored configuration refers to something that is no id")
    }
  }

  private func damaged(_ error: JSONError) -> StoreError {
    .corrupt(id.rawValue, "the stored configuration is damaged: \(error)")
  }
}
