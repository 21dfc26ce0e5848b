internal import StoreHistory
internal import StoreTestSupport
internal import Testing

@Suite("Checker against a simulated store")
struct SimulationTests {
  @Test("nothing is found in what a correct store did", arguments: SeededGenerator.seeds)
  func noFalseAlarm(seed: UInt64) {
    for round in 0..<scaled(12) {
      let plan = Simulation.Plan(
        objects: 1 + round % 7, workers: 2 + round % 9, killOneIn: [0, 15, 60, 300][round % 4],
        keptChanges: [0, 0, 100][round % 3])
      let simulation = Simulation(plan, random: SeededGenerator(seed: seed &+ UInt64(round) << 32))
      let anomalies = Checker().check(simulation.history)
      #expect(anomalies.isEmpty, "round \(round)")
      guard anomalies.isEmpty else { return }
    }
  }

  @Test("a planted bug is found", arguments: Simulation.Bug.allCases, SeededGenerator.seeds)
  func planted(bug: Simulation.Bug, seed: UInt64) {
    for round in 0..<scaled(2) {
      let plan = Simulation.Plan(bug: bug)
      let simulation = Simulation(plan, random: SeededGenerator(seed: seed &+ UInt64(round) << 32))
      #expect(simulation.planted > 0)
      #expect(!Checker().check(simulation.history).isEmpty, "round \(round)")
    }
  }
}
