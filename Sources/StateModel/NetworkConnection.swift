public import JSONText

/// A container's connection to a network.
public struct NetworkConnection: Sendable, Hashable {
  /// The network's name.
  public let network: String
  /// How the container is connected.
  public var options: NetworkOptions
  /// What the network's driver said of the connection, as its own JSON; nil where it has not been set up.
  public var status: JSONBytes?

  /// A connection that has not been set up.
  ///
  /// - Throws: `invalidArgument` for a name that is none, a text with NUL, `extra` or `status` over 1 MiB.
  public init(
    network: String, options: NetworkOptions = .init(), status: JSONBytes? = nil
  ) throws(StoreError) {
    try Identifier.checkName(network)
    for text in options.staticAddresses + options.aliases + [options.interfaceName, options.hardwareAddress]
    where text.containsNUL {
      throw .invalidArgument("network options", "a text must not contain NUL")
    }
    try ContainerConfiguration.checkExtra(options.extra)
    try ContainerConfiguration.checkExtra(status)
    self.network = network
    self.options = options
    self.status = status
  }

  package init(unchecked network: String, options: NetworkOptions, status: JSONBytes?) {
    self.network = network
    self.options = options
    self.status = status
  }
}

/// How a container is connected to a network.
public struct NetworkOptions: Sendable, Hashable {
  /// Addresses that it has there and nowhere else.
  public var staticAddresses: [String] = []
  /// Names that others find it by.
  public var aliases: [String] = []
  /// The interface in the container; empty for the engine's choice.
  public var interfaceName = ""
  /// The interface's hardware (MAC) address; empty for the engine's choice.
  public var hardwareAddress = ""
  /// The embedder's own JSON, returned as it was given; nil where there is none.
  public var extra: JSONBytes?

  /// Options that leave everything to the engine.
  public init() {}
}

extension NetworkOptions {
  package func encoded() -> JSONBytes {
    var json = JSONWriter()
    json.beginObject()
    json.member("static_addresses", staticAddresses.isEmpty ? nil : staticAddresses)
    json.member("aliases", aliases.isEmpty ? nil : aliases)
    json.member("interface", interfaceName.isEmpty ? nil : interfaceName)
    json.member("mac", hardwareAddress.isEmpty ? nil : hardwareAddress)
    json.member("extra", extra)
    json.endObject()
    return json.finish()
  }

  package init(decoding json: JSONView) throws(JSONError) {
    try json.forEachMember { (key, value) throws(JSONError) in
      switch try key.string() {
      case "static_addresses": staticAddresses = try NetworkOptions.texts(value)
      case "aliases": aliases = try NetworkOptions.texts(value)
      case "interface": interfaceName = try value.string()
      case "mac": hardwareAddress = try value.string()
      case "extra": extra = value.copy()
      default: break
      }
    }
  }

  private static func texts(_ json: JSONView) throws(JSONError) -> [String] {
    var texts: [String] = []
    try json.forEachElement { (text) throws(JSONError) in texts.append(try text.string()) }
    return texts
  }
}
