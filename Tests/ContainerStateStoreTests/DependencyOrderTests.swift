@testable import ContainerStateStore
internal import Testing

@Suite("Cycles of dependencies")
struct DependencyOrderTests {
  @Test("I-6: the members of cycles are found, not what leads to one or away from one")
  func members() {
    #expect(DependencyOrder.inCycles([:]) == [])
    #expect(DependencyOrder.inCycles([1: [1]]) == [1])
    #expect(DependencyOrder.inCycles([1: [2, 3], 2: [4], 3: [4], 4: []]) == [])
    #expect(DependencyOrder.inCycles([1: [2], 2: [3], 3: [2, 4], 4: [5]]) == [2, 3])
    #expect(DependencyOrder.inCycles([1: [2, 2], 2: [1], 7: [8], 8: [9], 9: [7]]) == [1, 2, 7, 8, 9])
  }

  @Test("I-6: a chain of a hundred thousand has no cycle, and is one when its ends are joined")
  func longChain() {
    let length: Int64 = 100_000
    var chain = Dictionary(uniqueKeysWithValues: (1..<length).map { ($0, [$0 + 1]) })
    #expect(DependencyOrder.inCycles(chain) == [])
    chain[length] = [1]
    #expect(DependencyOrder.inCycles(chain).count == Int(length))
  }
}
