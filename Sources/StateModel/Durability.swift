/// What the return of a write promises.
public enum Durability: Sendable, Hashable {
  /// The change survives a loss of power (DURABILITY D-1).
  case durable
  /// The change survives every kill; a loss of power may take it, and recovery after the reboot resets it
  /// anyway.
  case committed
}
