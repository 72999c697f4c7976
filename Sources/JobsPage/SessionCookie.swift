internal import Bytes
internal import HTTPWire

/// The cookie of a session (RFC 6265).
enum SessionCookie {
  static let name = "rw_session"

  /// Other cookies of that name, such as one for a whole domain, must not hide the right one.
  private static let maxValues = 4

  /// The values that a request has for it, in order. None is longer than a session's can be.
  static func values(of head: RequestHead) -> [String] {
    var values: [String] = []
    for field in head.fields.all("cookie") {
      for pair in field.split(separator: ";") {
        let pair = pair.trimmed
        guard pair.hasPrefix("\(name)="), pair.utf8.count <= name.utf8.count + 1 + SessionKey.maxBytes else {
          continue
        }
        values.append(String(pair.dropFirst(name.count + 1)))
        if values.count == maxValues { return values }
      }
    }
    return values
  }

  /// The field that lets the browser keep a session. No script can read it, and no other site's page sends it.
  ///
  /// - Parameter isSecure: whether the browser may send it over TLS only.
  static func field(_ value: String, maxAge: Int64, isSecure: Bool) -> (name: String, value: String) {
    let flags = "Path=/; Max-Age=\(maxAge); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    return ("Set-Cookie", "\(name)=\(value); \(flags)")
  }

  /// The field that lets the browser drop it.
  static func removal(isSecure: Bool) -> (name: String, value: String) {
    field("", maxAge: 0, isSecure: isSecure)
  }
}
