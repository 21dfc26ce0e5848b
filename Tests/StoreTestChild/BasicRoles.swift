internal import Glibc

/// Roles that test support itself is tested with.
let basicRoles: [String: Role] = [
  "echo": { _ in
    say("ready")
    while let line = hear() { say("heard \(line)") }
    return 0
  },
  "exit": { arguments in arguments.first.flatMap { Int32($0) } ?? 0 },
  "descriptors": { _ in
    // One past the highest descriptor anything could have leaked into; stops at the first 256.
    let open = (Int32(0)..<256).filter { fcntl($0, F_GETFD) >= 0 }
    say("open \(open.map(String.init).joined(separator: " "))")
    return 0
  },
  "signal-mask": { _ in
    var mask = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &mask)
    let blocked = (Int32(1)..<32).filter { sigismember(&mask, $0) == 1 }
    say("blocked \(blocked)")
    return 0
  },
  "hold-byte": { arguments in
    // A record lock as SQLite has them: PATH, byte.
    let descriptor = open(arguments[0], O_RDWR | O_CLOEXEC)
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_start = off_t(arguments[1]) ?? 0
    lock.l_len = 1
    guard fcntl(descriptor, F_SETLK, &lock) == 0 else { return 2 }
    sayAndWait("holding")
    return 0
  },
  "fork": { _ in
    let child = forkChild {
      say("child")
      while hear() != nil {}
      return 7
    }
    say("forked \(child)")
    return 0
  },
  "fork-and-wait": { _ in waitForChild(forkChild { 7 }) },
]
