/// A cookie as the browser keeps it (W3C WebDriver, 14).
package struct Cookie {
  package let name: String
  package let value: String
  package let isHTTPOnly: Bool
  package let isSecure: Bool
  package let sameSite: String
  package let path: String
  /// The seconds since 1970 at which it expires; nil for a session cookie.
  package let expiry: Int?
}

extension Browser {
  /// The cookies that a request for the present document would have.
  package var cookies: [Cookie] {
    get throws {
      (try send("GET", "/cookie") as? [[String: Any]] ?? []).map { facts in
        Cookie(
          name: facts["name"] as? String ?? "", value: facts["value"] as? String ?? "",
          isHTTPOnly: facts["httpOnly"] as? Bool ?? false, isSecure: facts["secure"] as? Bool ?? false,
          sameSite: facts["sameSite"] as? String ?? "", path: facts["path"] as? String ?? "",
          expiry: facts["expiry"] as? Int)
      }
    }
  }

  /// Replaces the value of a cookie, and keeps its attributes.
  package func setCookie(_ name: String, to value: String) throws {
    let cookie = try cookies.first { $0.name == name }
    var facts: [String: Any] = [
      "name": name, "value": value, "path": cookie?.path ?? "/", "httpOnly": cookie?.isHTTPOnly ?? true,
      "sameSite": cookie?.sameSite ?? "Strict",
    ]
    if let expiry = cookie?.expiry { facts["expiry"] = expiry }
    try send("POST", "/cookie", ["cookie": facts])
  }

  package func removeCookies() throws { try send("DELETE", "/cookie") }
}
