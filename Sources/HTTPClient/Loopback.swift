internal import CCurl

/// Loopback hosts, which are never reached through a proxy.
enum Loopback {
  /// Whether the host of `url` is a loopback address or `localhost`.
  ///
  /// libcurl parses the URL, and normalizes `127.1` and `0x7f000001` to `127.0.0.1`.
  static func isHost(ofURL url: String) -> Bool {
    guard let handle = curl_url() else { return false }
    defer { curl_url_cleanup(handle) }
    var host: UnsafeMutablePointer<CChar>?
    guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK,
      curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK, let host
    else { return false }
    defer { curl_free(host) }
    let name = String(cString: host).lowercased()
    // RFC 6761 section 6.3: names below localhost are loopback names too.
    return ["localhost", "localhost.", "[::1]"].contains(name) || name.hasSuffix(".localhost")
      || name.hasPrefix("[::ffff:127.") || isIPv4(name)
  }

  /// Whether `name` is an address of 127.0.0.0/8.
  ///
  /// A name that only starts like one is not.
  private static func isIPv4(_ name: String) -> Bool {
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
  }
}
