internal import JSONText
internal import StateModel

extension ContainerState: Keepable {
  var keptBytes: Int {
    MemoryLayout<Self>.stride + configurationPath.keptBytes + runDirectory.keptBytes + mountpoint.keptBytes
      + networkNamespacePath.keptBytes + health.keptBytes + errorText.keptBytes
  }
}

extension Container: Keepable {
  var keptBytes: Int {
    MemoryLayout<Self>.stride + id.rawValue.keptBytes + name.keptBytes + configuration.imageID.keptBytes
      + configuration.imageName.keptBytes + configuration.detailsJSON.keptBytes
      + (configuration.extra?.keptBytes ?? 0) + (stateExtra?.keptBytes ?? 0) + state.keptBytes
  }
}

extension ContainerSummary: Keepable {
  var keptBytes: Int {
    MemoryLayout<Self>.stride + id.rawValue.keptBytes + name.keptBytes + imageName.keptBytes
      + (text?.count ?? 0)
  }
}

extension ContainerList: Keepable {
  /// Each error is longer than a line.
  var keptBytes: Int { containers.keptBytes + corrupt.count * 512 }
}

extension Array: Keepable where Element: Keepable {
  var keptBytes: Int { reduce(0) { $0 + $1.keptBytes } }
}

extension Optional: Keepable where Wrapped: Keepable {
  var keptBytes: Int { self?.keptBytes ?? 0 }
}

/// The state of one row, with its revision.
struct RowState: Keepable {
  let state: ContainerState
  let revision: Int64

  var keptBytes: Int { state.keptBytes }
}

extension String {
  /// Up to 15 bytes are part of the value itself; an allocation has 32 of its own.
  fileprivate var keptBytes: Int { utf8.count > 15 ? utf8.count + 32 : 0 }
}

extension JSONBytes {
  fileprivate var keptBytes: Int { bytes.count + 32 }
}
