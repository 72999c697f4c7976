internal import COpenSSL

/// ALPN (RFC 7301): the server supports HTTP/1.1 only.
enum ApplicationProtocol {
  private static let name: StaticString = "http/1.1"

  /// Installs the ALPN callback.
  ///
  /// A client that offers protocols without HTTP/1.1 gets the alert no_application_protocol (RFC 7301 section
  /// 3.2). A client without ALPN is accepted.
  static func install(in context: OpaquePointer) {
    SSL_CTX_set_alpn_select_cb(
      context,
      { _, chosen, chosenCount, offered, offeredCount, _ in
        guard let chosen, let chosenCount, let offered,
          let range = ApplicationProtocol.find(
            in: UnsafeBufferPointer(start: offered, count: Int(offeredCount)))
        else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        // SSL_CTX_set_alpn_select_cb(3): the selected name may point into the client's list.
        chosen.pointee = offered + range.lowerBound
        chosenCount.pointee = UInt8(range.count)
        return SSL_TLSEXT_ERR_OK
      }, nil)
  }

  /// The range of the name in a list of length-prefixed names (RFC 7301 section 3.1).
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
