internal import CCurl

/// The parts of a URL as libcurl, which will call it, reads them.
struct ParsedURL {
  let scheme: String
  /// In lower case; an IPv6 address has brackets. Numbers such as `127.1` and `0x7f000001` are normalized.
  let host: String
  let port: Int?
  let hasUser: Bool

  init?(_ url: String) {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK,
      let scheme = Self.part(CURLUPART_SCHEME, of: handle), let host = Self.part(CURLUPART_HOST, of: handle)
    else { return nil }
    self.scheme = scheme.lowercased()
    self.host = host.lowercased()
    port = Self.part(CURLUPART_PORT, of: handle).flatMap(Int.init)
    hasUser = [CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_ZONEID].contains {
      Self.part($0, of: handle) != nil
    }
  }

  private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
