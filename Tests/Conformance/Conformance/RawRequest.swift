/// A request outside the cases.
package enum RawRequest {
  package struct Failed: Error {}

  /// Sends `bytes` and returns everything received until the peer closes.
  ///
  /// Every wait ends after `timeout`.
  package static func send(
    _ bytes: [UInt8], to address: String, port: Int, timeout: Duration
  ) throws(Failed) -> [UInt8] {
    let endpoint = Endpoint(address: address, port: port, getTarget: "/", postTarget: "/")
    guard let client = try? Client(to: endpoint, timeout: timeout), client.send(bytes[...]) else {
      throw Failed()
    }
    var received: [UInt8] = []
    while true {
      switch withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1, client.receive) {
      case .bytes(let part): received += part
      case .end: return received
      case .reset, .nothing: throw Failed()
      }
    }
  }
}
