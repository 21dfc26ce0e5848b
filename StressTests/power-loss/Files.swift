internal import CPlatform
internal import Glibc

/// The time on a clock of the kernel, in nanoseconds.
func clockNanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Sleeps, whatever signals come.
func pause(nanoseconds: UInt64) {
  var rest = timespec()
  var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  while nanosleep(&time, &rest) != 0, errno == EINTR { time = rest }
}

func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  bytes.withUnsafeBytes { buffer in
    var rest = buffer[...]
    while !rest.isEmpty {
      let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno != EINTR { return false }
      rest = rest.dropFirst(max(0, count))
    }
    return true
  }
}

/// The bytes of a file; nil where it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  while true {
    var result = 0
    let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      result = read(descriptor, buffer.baseAddress, buffer.count)
      while result < 0, errno == EINTR { result = read(descriptor, buffer.baseAddress, buffer.count) }
      count = max(0, result)
    }
    if result < 0 { return nil }
    if chunk.isEmpty { return bytes }
    bytes += chunk
  }
}

/// The names in a directory, sorted, without `.` and `..`; empty where it is not there.
func names(in directory: String) -> [String] {
  guard let stream = opendir(directory) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Runs `body` in a child forked from this process of one thread; the child ends with what it returns.
///
/// - Throws: where there can be no further process.
func forkChild(_ body: () -> Int32) throws(PowerLossFailure) -> pid_t {
  let pid = withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { pointer in
      platform_fork_call(
        { $0?.assumingMemoryBound(to: (() -> Int32).self).pointee() ?? 127 },
        UnsafeMutableRawPointer(mutating: pointer))
    }
  }
  guard pid > 0 else { throw .systemCall("fork", "a worker") }
  return pid
}

/// Numbers that one seed decides (SplitMix64).
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
struct RandomSource: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Removes a directory of this run with everything in it.
func removeTree(_ path: String) { _ = platform_remove_tree(path) }
