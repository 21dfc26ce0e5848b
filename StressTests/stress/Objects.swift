internal import ContainerStateStore
internal import StoreHistory
internal import StressSupport

/// The records of a run: numbers in the histories, ids and names in the store, and how they hang together.
///
/// Containers come in families of eight, of which each member has its part:
///
/// | member | |
/// |---|---|
/// | 0 | others depend on it |
/// | 1 | depends on 0; uses the family's volume |
/// | 2 | joins the network namespace of 0; uses the family's volume |
/// | 3 | depends on 1; has exec sessions |
/// | 4 | holds the namespaces of the family's pod |
/// | 5 | in that pod, joins what 4 holds |
/// | 6 | in that pod; has exec sessions |
/// | 7 | has the name of another family's seventh, the id of a pod, exec sessions, an anonymous volume |
///
/// What depends on what never changes, so that from the success of one call the presence or absence of others
/// follows.
struct Objects {
  /// How many containers are drawn from.
  let count: Int
  /// How many more there may be, each for one life.
  let lifecycles: Int
  private let seed: UInt64

  static let family = 8
  /// How many of the parts that a container can have are used.
  static let partsInUse = 2

  init(_ options: StressOptions) {
    count = options.containers
    lifecycles = Int(options.lifecycles)
    seed = options.seed
  }

  // MARK: Names

  /// 64 hexadecimal digits, of which the last eight are the object's number.
  func idText(_ object: Int) -> String {
    let kind = ObjectKind(of: object)
    let number = ObjectKind.number(of: object)
    switch kind {
    case .session: return "exec-\(number)"
    case .pod where isTwin(object): return idText((number - podCount) * Self.family + 7)
    default: break
    }
    var random = RandomSource(seed: seed &+ UInt64(object) &* 0x0100_0000_01B3)
    let random56 = (0..<4).map { _ in Objects.hexadecimal(random.next(), digits: 16) }.joined().prefix(56)
    return random56 + Objects.hexadecimal(UInt64(number), digits: 8)
  }

  func id(_ object: Int) throws -> ContainerID { try ContainerID(idText(object)) }

  /// Two containers may have one name, one after the other.
  func name(_ object: Int) -> String {
    let rival = rival(of: object).map { min($0, object) } ?? object
    let kind = ObjectKind(of: object) == .pod ? "pod-" : ""
    return "stress-\(kind)\(ObjectKind.number(of: rival))"
  }

  /// The container of an id; nil for one that is none of the run's.
  func object(ofID id: String) -> Int? {
    guard id.utf8.count == 64, let number = Int(id.suffix(8), radix: 16), number < count + lifecycles else {
      return nil
    }
    return number
  }

  /// What an error names; of a container and a pod of one id the container.
  func object(named id: String) -> Int? {
    if let container = object(ofID: id), idText(container) == id { return container }
    return pod(ofID: id) ?? session(ofID: id) ?? volume(named: id)
  }

  /// The pod of an id; nil for one that is none of the run's.
  func pod(ofID id: String) -> Int? {
    guard id.utf8.count == 64, let number = Int(id.suffix(8), radix: 16) else { return nil }
    let object = ObjectKind.pod.object(number)
    if number < podCount, idText(object) == id { return object }
    let twin = ObjectKind.pod.object(podCount + number / Self.family)
    return isTwin(twin) && idText(twin) == id ? twin : nil
  }

  func session(ofID id: String) -> Int? {
    guard id.hasPrefix("exec-"), let number = Int(id.dropFirst(5)) else { return nil }
    return ObjectKind.session.object(number)
  }

  private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text.suffix(digits)
  }

  // MARK: Pods

  /// How many families there are, whole or not; each has a pod.
  var podCount: Int { (count + Self.family - 1) / Self.family }
  /// The pods that have the ids of containers come after them.
  private var twinCount: Int { count / Self.family }

  var pods: [Int] { (0..<podCount + twinCount).map(ObjectKind.pod.object) }

  private func isTwin(_ pod: Int) -> Bool {
    (podCount..<podCount + twinCount).contains(ObjectKind.number(of: pod))
  }

  func podConfiguration(of pod: Int) -> Int {
    ObjectKind.podConfiguration.object(ObjectKind.number(of: pod))
  }

  /// The pod or container of the same id, of which one at most is there.
  func twin(of object: Int) -> Int? {
    let number = ObjectKind.number(of: object)
    if ObjectKind(of: object) == .pod {
      return isTwin(object) ? (number - podCount) * Self.family + 7 : nil
    }
    guard number < count, number % Self.family == 7 else { return nil }
    return ObjectKind.pod.object(podCount + number / Self.family)
  }

  /// The container of the same name, of which one at most is there.
  func rival(of object: Int) -> Int? {
    guard ObjectKind(of: object) == .container, object < count, object % Self.family == 7 else { return nil }
    let other = (object / Self.family ^ 1) * Self.family + 7
    return other < count ? other : nil
  }

  func pod(of container: Int) -> Int? {
    guard container < count, (4...6).contains(container % Self.family) else { return nil }
    return ObjectKind.pod.object(container / Self.family)
  }

  func members(of pod: Int) -> [Int] {
    guard !isTwin(pod) else { return [] }
    let first = ObjectKind.number(of: pod) * Self.family
    return (first + 4...first + 6).filter { $0 < count }
  }

  // MARK: Volumes

  /// Two for each family, of which the second is anonymous.
  var volumes: [Int] { (0..<2 * podCount).map(ObjectKind.volume.object) }

  func isAnonymous(_ volume: Int) -> Bool { ObjectKind.number(of: volume) % 2 == 1 }

  /// No name is the beginning of another, by which a volume is found too.
  func name(ofVolume volume: Int) -> String {
    "stress-v" + Objects.hexadecimal(UInt64(ObjectKind.number(of: volume)), digits: 6)
  }

  func volume(named name: String) -> Int? {
    guard name.hasPrefix("stress-v"), let number = Int(name.dropFirst(8), radix: 16), number < 2 * podCount
    else {
      return nil
    }
    return ObjectKind.volume.object(number)
  }

  func volumeConfiguration(of volume: Int) -> Int {
    ObjectKind.volumeConfiguration.object(ObjectKind.number(of: volume))
  }

  func volume(of container: Int) -> Int? {
    guard container < count else { return nil }
    let number = container / Self.family * 2
    switch container % Self.family {
    case 1, 2: return ObjectKind.volume.object(number)
    case 7: return ObjectKind.volume.object(number + 1)
    default: return nil
    }
  }

  /// The containers that can use a volume.
  func users(of volume: Int) -> [Int] {
    let first = ObjectKind.number(of: volume) / 2 * Self.family
    return (isAnonymous(volume) ? [first + 7] : [first + 1, first + 2]).filter { $0 < count }
  }

  // MARK: Dependencies and parts

  /// What a container depends on; the first of a pod's holds its namespaces.
  func dependency(of container: Int) -> Int? {
    guard container < count else { return nil }
    switch container % Self.family {
    case 1: return container - 1
    case 2, 3: return container - 2
    case 5: return container - 1
    default: return nil
    }
  }

  /// What can depend on a container.
  func dependants(of container: Int) -> [Int] {
    guard container < count else { return [] }
    let all: [Int] =
      switch container % Self.family {
      case 0: [container + 1, container + 2]
      case 1: [container + 2]
      case 4: [container + 1]
      default: []
      }
    return all.filter { $0 < count }
  }

  /// These and all that can depend on them, and so on.
  func closure(of containers: [Int]) -> [Int] {
    var found = containers
    var next = 0
    while next < found.count {
      for dependant in dependants(of: found[next]) where !found.contains(dependant) {
        found.append(dependant)
      }
      next += 1
    }
    return found
  }

  func sessions(of container: Int) -> [Int] {
    guard container < count, [3, 6, 7].contains(container % Self.family) else { return [] }
    return (0..<Self.partsInUse).map { ObjectKind.session.part($0, of: container) }
  }

  func connections(of container: Int) -> [Int] {
    guard container < count, [0, 5, 7].contains(container % Self.family) else { return [] }
    return (0..<Self.partsInUse).map { ObjectKind.connection.part($0, of: container) }
  }

  func network(_ connection: Int) -> String {
    "net-\(ObjectKind.number(of: connection) % ObjectKind.partsPerContainer)"
  }

  func connection(to network: String, of container: Int) -> Int? {
    guard network.hasPrefix("net-"), let part = Int(network.dropFirst(4)) else { return nil }
    return ObjectKind.connection.part(part, of: container)
  }

  func configuration(of container: Int) -> Int { ObjectKind.configuration.object(container) }
  func exitCode(of container: Int) -> Int { ObjectKind.exitCode.object(container) }

  // MARK: Witnesses

  /// How many locks have a witness.
  var witnessCount: Int { count + lifecycles + podCount + twinCount + 2 * podCount }

  func witness(of object: Int) -> Int {
    let number = ObjectKind.number(of: object)
    return switch ObjectKind(of: object) {
    case .pod: count + lifecycles + number
    case .volume: count + lifecycles + podCount + twinCount + number
    default: number
    }
  }
}
