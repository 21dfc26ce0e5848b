/// Some of the changes of a store, in the order in which they were committed.
public struct ChangeBatch: Sendable, Hashable {
  /// The changes, oldest first.
  public let changes: [Change]
  /// Whether changes between the place that was asked for and the first of these were removed before they
  /// were read; what they changed has to be read from the records.
  ///
  /// Changes are removed by count and age; see `ChangeRetention`.
  public let wasTrimmed: Bool
  /// One `corrupt` error for each change that could not be read (INVARIANT I-16).
  public let corrupt: [StoreError]
  /// Where to go on: the place of the last change that was looked at.
  public let position: ChangeSequence

  /// Whether there is nothing in it to tell.
  public var isEmpty: Bool { changes.isEmpty && corrupt.isEmpty && !wasTrimmed }

  package init(
    changes: [Change] = [], wasTrimmed: Bool = false, corrupt: [StoreError] = [], position: ChangeSequence
  ) {
    self.changes = changes
    self.wasTrimmed = wasTrimmed
    self.corrupt = corrupt
    self.position = position
  }
}
