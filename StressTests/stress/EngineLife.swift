internal import CPlatform
internal import ContainerStateStore
internal import Glibc
internal import OCIEngine
internal import Platform
internal import StressSupport

/// Drives real containers, and in half of its lives ends itself between two steps of an operation.
struct EngineLife {
  private let plan: WorkerPlan
  private let hand: Hand
  /// How many containers all engines of a run share.
  static let containerCount = 12

  init(_ plan: WorkerPlan, _ hand: Hand) {
    self.plan = plan
    self.hand = hand
  }

  private func id(_ number: Int) throws -> ContainerID { try ContainerID("engine-\(number)") }

  private func engine() throws -> Engine {
    guard let store = hand.store else { throw StressFailure("an engine needs a store") }
    var options = EngineOptions()
    options.runtime = plan.options.runtimeChoice
    options.runDirectory = plan.run.engineRun
    options.lockWait = hand.wait
    return try Engine(store: store, options: options)
  }

  func run() throws {
    guard hand.open() else { return }
    let engine = try engine()
    if hand.draw(0...1) == 1 { Failpoints.arm("engine.*=kill@\(hand.draw(1...24))") }
    while plan.board.load(.ending) == 0 { try step(engine) }
    hand.close()
  }

  private func step(_ engine: Engine) throws {
    let number = hand.draw(0...EngineLife.containerCount - 1)
    let id = try id(number)
    switch hand.draw(0...9) {
    case 0...2:
      attempt("create", id) {
        _ = try engine.create(bundle: plan.run.bundle, id: id, name: id.rawValue)
      }
    case 3...5: attempt("start", id) { try engine.start(id) }
    case 6: attempt("stop", id) { try engine.stop(id, timeout: .milliseconds(500)) }
    case 7: attempt("remove", id) { try engine.remove(id, force: false) }
    case 8: attempt("remove by force", id, mayFail: false) { try engine.remove(id, force: true) }
    default: attempt("reconcile", id) { _ = try engine.reconcile(id) }
    }
  }

  /// An operation may be refused, since others drive the same containers; a removal by force may not.
  private func attempt(_ what: String, _ id: ContainerID, mayFail: Bool = true, _ body: () throws -> Void) {
    do { try body() } catch let error as StoreError {
      note(what, id, "\(error)", isExpected: [.notFound, .alreadyExists, .removed].contains(error.code))
    } catch {
      note(what, id, "\(error)", isExpected: mayFail)
    }
    hand.progressed(since: clockNanoseconds(CLOCK_MONOTONIC))
  }

  private func note(_ what: String, _ id: ContainerID, _ error: String, isExpected: Bool) {
    plan.board.add(.refusals)
    if !isExpected { hand.complaints.add("\(what) \(id): \(error)") }
  }

  /// After everybody has gone: whatever kills have left, a removal by force ends it.
  func removeAll() throws {
    let engine = try engine()
    let recovery = try engine.recover()
    // Of the histories' containers it knows no bundle.
    for failure in recovery.failures where hand.objects.object(ofID: failure.subject) == nil {
      hand.complaints.add("the engine's recovery: \(failure)")
    }
    for number in 0..<EngineLife.containerCount {
      let id = try id(number)
      guard try engine.store.hasContainer(id) else { continue }
      do { try engine.remove(id, force: true) } catch {
        hand.complaints.add("remove by force at the end, \(id): \(error)")
      }
    }
    for name in names(in: plan.run.engineRun + "/containers") {
      hand.complaints.add("the runtime's state of \(name) is left")
    }
  }
}
