internal import CPlatform
public import ContainerStateStore
internal import Synchronization

/// The changes of a store as they are committed, in batches, for ever: it ends when its task is cancelled.
///
/// Each iterator reads by itself, on a thread of its own that sleeps in the kernel and begins with the first
/// `next`. Nothing is read ahead of what was asked for.
public struct ChangeFeed: AsyncSequence, Sendable {
  let store: StateStore
  let position: ChangeSequence

  /// Reads the changes one batch after the other.
  public struct AsyncIterator: AsyncIteratorProtocol {
    private let session: FeedSession

    init(_ feed: ChangeFeed) { session = FeedSession(feed) }

    /// The next batch, which is never empty; nil where the task was cancelled.
    ///
    /// - Throws: as `ChangeReader.wait`; the feed has ended then.
    public mutating func next() async throws -> ChangeBatch? { try await session.next() }
  }

  /// An iterator that begins at the place of the feed.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}

extension StateStore {
  /// The changes after a place, and all that follow.
  ///
  /// - Parameter position: the last change that was dealt with; nil for those that are made from now on.
  /// - Returns: the sequence; nothing is read before it is iterated.
  /// - Throws: `closed`, `usedAfterFork`, `io`.
  /// - Blocking: for nobody.
  public func changes(after position: ChangeSequence? = nil) throws(StoreError) -> ChangeFeed {
    if let position { return ChangeFeed(store: self, position: position) }
    return ChangeFeed(store: self, position: try lastChange())
  }
}

/// Ends its thread when nobody reads it any more.
private final class FeedSession: Sendable {
  private let feed: ChangeFeed
  private let thread = Mutex<FeedThread?>(nil)

  init(_ feed: ChangeFeed) { self.feed = feed }

  deinit { thread.withLock { $0?.end() } }

  func next() async throws -> ChangeBatch? {
    let thread = try thread.withLock { thread in
      if let thread { return thread }
      let started = try FeedThread.started(for: feed)
      thread = started
      return started
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { thread.ask($0) }
    } onCancel: {
      thread.end()
    }
  }
}

/// The thread that waits on behalf of a task.
private final class FeedThread: Sendable {
  private typealias Asker = CheckedContinuation<ChangeBatch?, any Error>

  private struct State {
    var asker: Asker?
    var isEnded = false
  }

  private let reader: ChangeReader
  private let state = Mutex(State())
  /// What the thread sleeps on while nobody asks: 0, or 1 once somebody does.
  // SAFETY: touched through atomic operations only; freed with the last reference, of which the thread has
  // one.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<UInt32>

  private init(_ reader: ChangeReader) {
    self.reader = reader
    word = .allocate(capacity: 1)
    word.initialize(to: 0)
  }

  deinit { word.deallocate() }

  static func started(for feed: ChangeFeed) throws(StoreError) -> FeedThread {
    let thread = FeedThread(try ChangeReader(feed.store))
    let start = Unmanaged.passRetained(Start(thread, feed.position))
    let code = platform_start_quiet_thread(
      { pointer in
        guard let pointer else { return nil }
        let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
        start.thread.run(from: start.position)
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw StoreError(
        .io, subject: feed.store.location.root,
        message: "no thread can be had to wait for changes (error \(code)); lift the limit or read them by "
          + "ChangeReader")
    }
    return thread
  }

  private final class Start {
    let thread: FeedThread
    let position: ChangeSequence
    init(_ thread: FeedThread, _ position: ChangeSequence) {
      self.thread = thread
      self.position = position
    }
  }

  /// Gives the asker the next batch, or nil once the feed has ended.
  func ask(_ asker: CheckedContinuation<ChangeBatch?, any Error>) {
    let isTaken = state.withLock { state in
      precondition(state.asker == nil, "two tasks read one iterator")
      if !state.isEnded { state.asker = asker }
      return !state.isEnded
    }
    if isTaken { platform_unpark(word, 1) } else { asker.resume(returning: nil) }
  }

  /// Ends the feed: who asks gets nil, at once.
  func end() {
    let asker = state.withLock { state in
      state.isEnded = true
      defer { state.asker = nil }
      return state.asker
    }
    reader.interrupt()
    platform_unpark(word, 1)
    asker?.resume(returning: nil)
  }

  private func run(from start: ChangeSequence) {
    var position = start
    while true {
      _ = platform_park(word, .max)
      platform_reset_word(word)
      let isAsked = state.withLock { $0.isEnded ? nil : $0.asker != nil }
      guard let isAsked else { return }
      guard isAsked else { continue }
      do {
        let batch = try reader.wait(after: position, deadlineNanoseconds: .max)
        // Empty where it was interrupted: whoever did that has answered.
        guard !batch.isEmpty else { return }
        if let asker = takeAsker() {
          position = batch.position
          asker.resume(returning: batch)
        }
      } catch {
        let asker = takeAsker()
        state.withLock { $0.isEnded = true }
        asker?.resume(throwing: error)
        return
      }
    }
  }

  private func takeAsker() -> CheckedContinuation<ChangeBatch?, any Error>? {
    state.withLock { state in
      defer { state.asker = nil }
      return state.asker
    }
  }
}
