@testable import ContainerStateStore
@testable import SQLiteStorage
internal import StateModel
internal import Testing

@Suite("Failures of SQLite as errors of the store")
struct ErrorMappingTests {
  private func mapped(_ code: StorageError.Code, _ message: String, extendedCode: Int32 = 0) -> StoreError {
    .mapped(StorageError(code, path: "/s/state.db", message: message, extendedCode: extendedCode))
  }

  @Test("damage keeps SQLite's code and words as its cause")
  func corruptCause() {
    let page = mapped(.corrupt, "database disk image is malformed", extendedCode: 267)
    #expect((page.code, page.subject) == (.corrupt, "/s/state.db"))
    #expect(page.cause == "SQLite 267, database disk image is malformed")
    let rule = mapped(.constraint(.check), "CHECK constraint failed", extendedCode: 275)
    #expect((rule.code, rule.cause) == (.corrupt, "SQLite 275, CHECK constraint failed"))
  }

  @Test("D-3: a change that was made and may be lost is told by its code from one that was not made")
  func failedSyncs() {
    let made = mapped(.durabilityUnknown, "committed, but the sync of the WAL failed")
    #expect(made.code == .durabilityUnknown)
    let refused = mapped(.syncFailedEarlier, "an earlier sync failed; open the database again")
    #expect(refused.code == .io)
    #expect(refused.message.contains("nothing was changed"))
    #expect(refused.message.contains("check the disk"))
  }
}
