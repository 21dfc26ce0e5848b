internal import Glibc
internal import Synchronization

/// Runs `body` on that many threads at once, and throws what the first of them threw.
public func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  let failures = Mutex<[any Error]>([])
  let work = ThreadWork { number in
    do { try body(number) } catch { failures.withLock { $0.append(error) } }
  }
  var threads: [pthread_t] = []
  for number in 0..<count {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(ThreadWork.Part(work: work, number: number))
    let code = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        let part = Unmanaged<ThreadWork.Part>.fromOpaque(pointer).takeRetainedValue()
        part.work.body(part.number)
        return nil
      }, argument.toOpaque())
    guard code == 0 else { throw TestSupportError.systemCall("pthread_create", "\(number)", code) }
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
  if let failure = failures.withLock({ $0.first }) { throw failure }
}

private final class ThreadWork: Sendable {
  let body: @Sendable (Int) -> Void
  init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }

  final class Part: Sendable {
    let work: ThreadWork
    let number: Int
    init(work: ThreadWork, number: Int) { (self.work, self.number) = (work, number) }
  }
}
