internal import CCurl

/// Sends single requests over libcurl: bounded in time and size, without following redirects.
///
/// Owns one handle, whose connections are used again. It blocks: for commands, never for a loop.
package final class HTTPClient {
  private let handle: UnsafeMutableRawPointer
  private let limits: Limits

  package struct Limits: Sendable {
    package var connectMilliseconds = 5000
    package var totalMilliseconds = 60_000
    /// Bytes of an answer.
    package var bodyBytes = 64 * 1024 * 1024

    package init() {}
  }

  package struct Answer: Sendable {
    package let status: Int
    package let body: [UInt8]
  }

  package init(limits: Limits = Limits()) throws(HTTPClientError) {
    guard let handle = curl_easy_init() else { throw HTTPClientError(reason: "libcurl could not be started") }
    self.handle = handle
    self.limits = limits
  }

  deinit {
    curl_easy_cleanup(handle)
  }

  /// - Parameters:
  ///   - fields: header fields as `name: value`.
  ///   - body: nil sends GET, anything else POST.
  package func send(to url: String, fields: [String], body: [UInt8]?) throws(HTTPClientError) -> Answer {
    curl_easy_reset(handle)
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    // libcurl would add an Expect field to large bodies, and wait.
    for field in fields + ["Expect:"] { list = curl_slist_append(list, field) }
    let sink = Sink(limit: limits.bodyBytes)
    try configure(url: url, list: list, sink: sink)
    let code: CURLcode
    if let body {
      code = try post(body)
    } else {
      code = curl_easy_perform(handle)
    }
    withExtendedLifetime(sink) {}
    guard code == CURLE_OK else { throw HTTPClientError(code) }
    var status = 0
    _ = ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return Answer(status: status, body: sink.bytes)
  }

  private func post(_ body: [UInt8]) throws(HTTPClientError) -> CURLcode {
    try check(ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE_LARGE, body.count))
    var body = body
    // The body is not copied: it must stay where it is while the transfer runs.
    return body.withUnsafeMutableBytes { bytes in
      let code = ccurl_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress)
      return code == CURLE_OK ? curl_easy_perform(handle) : code
    }
  }

  private func configure(
    url: String, list: UnsafeMutablePointer<curl_slist>?, sink: Sink
  ) throws(HTTPClientError) {
    try check(ccurl_set_string(handle, CURLOPT_URL, url))
    try check(ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https"))
    try check(ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0))
    // Time-outs by signals do not suit a process with threads.
    try check(ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1))
    try check(ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, limits.connectMilliseconds))
    try check(ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, limits.totalMilliseconds))
    try check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, list))
    try check(ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque()))
    try check(
      ccurl_set_write_function(handle) { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
        return sink.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
  }

  private func check(_ code: CURLcode) throws(HTTPClientError) {
    guard code == CURLE_OK else { throw HTTPClientError(code) }
  }

  /// Collects an answer's body. libcurl ends the transfer when less is taken than it offered.
  private final class Sink {
    private(set) var bytes: [UInt8] = []
    private let limit: Int

    init(limit: Int) {
      self.limit = limit
    }

    func take(_ more: UnsafeRawBufferPointer) -> Int {
      guard bytes.count + more.count <= limit else { return 0 }
      bytes.append(contentsOf: more)
      return more.count
    }
  }
}

/// Why no answer came.
package struct HTTPClientError: Error, Sendable, CustomStringConvertible {
  private let reason: String

  init(reason: String) {
    self.reason = reason
  }

  init(_ code: CURLcode) {
    reason = String(cString: curl_easy_strerror(code))
  }

  package var description: String { reason }
}
