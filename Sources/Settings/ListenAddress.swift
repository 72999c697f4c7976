package import EventLoop

/// One place where a listener listens: an item of `WEBHOOK_LISTEN` or `API_LISTEN`.
///
///     127.0.0.1:8080        [::]:8080         unix:/run/hooks.sock mode=0660
///     systemd:webhooks      127.0.0.1:8080 proxy_protocol
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  package enum Place: Hashable, Sendable {
    /// - Parameter mode: the permissions of a unix socket's file; nil leaves them to the umask.
    case bind(SocketAddress, mode: UInt32?)
    /// Sockets that systemd holds, by their `FileDescriptorName=`.
    case handedOver(name: String)
  }

  package let place: Place
  /// Every connection begins with a PROXY header, which says who the client is.
  package let expectsProxyHeader: Bool

  package init(_ place: Place, expectsProxyHeader: Bool = false) {
    self.place = place
    self.expectsProxyHeader = expectsProxyHeader
  }

  /// Nil where `text` is no address and its options.
  package init?(_ text: Substring) {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard let address = words.first else { return nil }
    var mode: UInt32?
    var expectsProxyHeader = false
    for option in words.dropFirst() {
      if option == "proxy_protocol", !expectsProxyHeader {
        expectsProxyHeader = true
      } else if mode == nil, let permissions = Self.permissions(option) {
        mode = permissions
      } else {
        return nil
      }
    }
    self.expectsProxyHeader = expectsProxyHeader
    if address.hasPrefix("systemd:") {
      let name = address.dropFirst("systemd:".count)
      guard !name.isEmpty, mode == nil else { return nil }
      place = .handedOver(name: String(name))
      return
    }
    guard let bound = SocketAddress(String(address)) else { return nil }
    if case .unix = bound {} else if mode != nil { return nil }
    place = .bind(bound, mode: mode)
  }

  /// Whether only processes of this machine can reach it; nil where that is known once the socket was handed over.
  package var isLoopback: Bool? {
    switch place {
    case .bind(let address, _): address.isLoopback
    case .handedOver: nil
    }
  }

  package var description: String {
    switch place {
    case .bind(let address, _): "\(address)"
    case .handedOver(let name): "systemd:\(name)"
    }
  }

  /// `mode=0660`: three octal digits, with or without a leading zero.
  private static func permissions(_ option: Substring) -> UInt32? {
    guard option.hasPrefix("mode=") else { return nil }
    let digits = option.dropFirst("mode=".count)
    guard digits.count == 3 || digits.count == 4 && digits.first == "0",
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
    else { return nil }
    return UInt32(digits, radix: 8)
  }
}
