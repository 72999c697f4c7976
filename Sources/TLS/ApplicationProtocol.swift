internal import COpenSSL

/// ALPN: this server speaks HTTP/1.1 and nothing else.
enum ApplicationProtocol {
  private static let name: StaticString = "http/1.1"

  /// A client that offers protocols without HTTP/1.1 is refused with the alert no_application_protocol (RFC
  /// 7301 section 3.2). One that offers none is not asked.
  static func install(in context: OpaquePointer) {
    SSL_CTX_set_alpn_select_cb(
      context,
      { _, chosen, chosenCount, offered, offeredCount, _ in
        guard let chosen, let chosenCount, let offered,
          let range = ApplicationProtocol.find(
            in: UnsafeBufferPointer(start: offered, count: Int(offeredCount)))
        else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        // SSL_CTX_set_alpn_select_cb(3): the answer may point into the client's list.
        chosen.pointee = offered + range.lowerBound
        chosenCount.pointee = UInt8(range.count)
        return SSL_TLSEXT_ERR_OK
      }, nil)
  }

  /// Where the name is in a list of names, each after a byte with its length (RFC 7301 section 3.1).
  private static func find(in offered: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    var index = 0
    while index < offered.count {
      let start = index + 1
      let end = start + Int(offered[index])
      guard end <= offered.count else { return nil }
      if offered[start..<end].elementsEqual(wanted) { return start..<end }
      index = end
    }
    return nil
  }
}
