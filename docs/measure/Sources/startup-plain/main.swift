switch CommandLine.arguments.dropFirst().first {
case "one": print("one")
case "two": print("two")
default: print("usage: startup-plain one|two")
}
