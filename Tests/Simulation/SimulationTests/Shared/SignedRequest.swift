extension MachineSimulation {
  /// The bytes of a signed delivery.
  static func request(
    _ body: [UInt8], to path: String = "/webhooks/replicate", id: String, timestamp: String,
    signature: String, isChunked: Bool = false
  ) -> [UInt8] {
    let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)"
    let head = """
      POST \(path) HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/json\r
      webhook-id: \(id)\r\nwebhook-timestamp: \(timestamp)\r\nwebhook-signature: \(signature)\r
      \(framing)\r\n\r\n
      """
    var request = Array(head.utf8)
    if isChunked { request += "\(String(body.count, radix: 16))\r\n".utf8 }
    request += body
    if isChunked { request += "\r\n0\r\n\r\n".utf8 }
    return request
  }
}
