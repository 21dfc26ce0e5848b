/// The text of a statement that is put together once, where several share a part of it.
///
/// A connection keeps its statement as it keeps those of literals, and finds it by the address of this
/// object: for `static let`.
package final class StatementText: Sendable {
  let sql: String

  /// A text of literals; values are bound, never spliced in.
  package init(_ sql: String) { self.sql = sql }
}
