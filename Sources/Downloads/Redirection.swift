internal import Bytes
internal import HTTPClient

/// The resolution of `Location` against the URL of the request (RFC 3986 section 5.2).
enum Redirection {
  /// The text of a URL, which ``SourceRules`` judges as if an output had it.
  ///
  /// Dot segments are left to libcurl, which removes them. They change no host.
  static func resolve(_ location: String, against base: SourceURL) -> String {
    let scheme = base.url.isSecure ? "https:" : "http:"
    if isAbsolute(location) { return location }
    if location.hasPrefix("//") { return scheme + location }
    let origin = "\(scheme)//\(base.authority)"
    if location.hasPrefix("/") { return origin + location }
    let path = base.text.dropFirst(origin.utf8.count).prefix { $0 != "?" }
    if location.isEmpty || location.hasPrefix("?") { return origin + path + location }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
    return origin + folder + location
  }

  /// Whether `text` starts with a scheme (RFC 3986 section 3.1).
  private static func isAbsolute(_ text: String) -> Bool {
    let scheme = text.utf8.prefix {
      $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?")
    }
    return scheme.first?.isAlpha == true && scheme.count < text.utf8.count
      && text.utf8[scheme.endIndex] == UInt8(ascii: ":")
  }
}
