package import EventLoop

/// One address of a listener: an item of `WEBHOOK_LISTEN` or `API_LISTEN`.
///
///     127.0.0.1:8080        [::]:8080         unix:/run/hooks.sock mode=0660
///     systemd:webhooks      127.0.0.1:8080 proxy_protocol
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
  /// The source of the listening socket.
  package enum Source: Hashable, Sendable {
    /// - Parameter mode: the permissions of a unix socket's file; nil leaves them to the umask.
    case bind(SocketAddress, mode: UInt32?)
    /// Sockets that systemd passes, by their `FileDescriptorName=`.
    case activation(name: String)
  }

  package let source: Source
  /// Whether every connection begins with a PROXY header, which names the client.
  package let expectsProxyHeader: Bool

  package init(_ source: Source, expectsProxyHeader: Bool = false) {
    self.source = source
    self.expectsProxyHeader = expectsProxyHeader
  }

  /// Nil if `text` is not an address with valid options.
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
      source = .activation(name: String(name))
      return
    }
    guard let bound = SocketAddress(String(address)) else { return nil }
    if case .unix = bound {} else if mode != nil { return nil }
    source = .bind(bound, mode: mode)
  }

  /// Whether only processes of this machine can reach it.
  ///
  /// Nil for a socket that systemd passes, whose address is not known before.
  package var isLoopback: Bool? {
    switch source {
    case .bind(let address, _): address.isLoopback
    case .activation: nil
    }
  }

  package var description: String {
    switch source {
    case .bind(let address, _): "\(address)"
    case .activation(let name): "systemd:\(name)"
    }
  }

  /// The permissions in `mode=0660`: three octal digits, with or without a leading zero.
  private static func permissions(_ option: Substring) -> UInt32? {
    guard option.hasPrefix("mode=") else { return nil }
    let digits = option.dropFirst("mode=".count)
    guard digits.count == 3 || digits.count == 4 && digits.first == "0",
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
    else { return nil }
    return UInt32(digits, radix: 8)
  }
}
