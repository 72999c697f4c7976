internal import Bytes

/// The origin of a stand-in for Replicate on this machine: scheme, host and port.
///
/// Its files pass every rule, and no other file of this machine does. Names are not resolved: `localhost`
/// and `127.0.0.1` are two origins.
package struct LocalOrigin: Equatable, Sendable {
  /// `http://127.0.0.1:9000`, in lower case and without the scheme's own port.
  package let text: String

  /// - Parameter url: the stand-in's base URL, `scheme://host[:port]`, whose host the caller has found to be a
  ///   loopback name.
  package init(loopbackURL url: String) {
    text = Self.normalized(Array(url.utf8))
  }

  /// Whether a URL's scheme and authority are this origin.
  ///
  /// - Parameter start: a URL up to its path.
  func contains(_ start: some Collection<UInt8>) -> Bool {
    Self.normalized(start) == text
  }

  /// RFC 6454 section 4: the port that a scheme implies may be left out.
  private static func normalized(_ origin: some Collection<UInt8>) -> String {
    let text = String(decoding: origin.map(\.lowercased), as: UTF8.self)
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
    where text.hasPrefix(scheme) && text.hasSuffix(port) {
      return String(text.dropLast(port.count))
    }
    return text
  }
}
