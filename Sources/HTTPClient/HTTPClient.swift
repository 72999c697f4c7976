internal import CCurl

/// A blocking HTTP client over libcurl, with limits on time and size.
///
/// It does not follow redirects. It owns one handle, whose connections are reused. Use it in commands, never
/// on a loop.
package final class HTTPClient {
  private let handle: UnsafeMutableRawPointer
  private let limits: Limits
  private let usesProxy: Bool
  private let isCanceled: @Sendable () -> Bool

  package struct Limits: Sendable {
    package var connectTimeoutMilliseconds = 5000
    package var totalTimeoutMilliseconds = 60_000
    /// The maximum length of a response's content, in bytes.
    package var maxBodyBytes = 64 * 1024 * 1024

    package init() {}
  }

  package enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
  }

  package struct Response: Sendable {
    package let status: Int
    /// The value of `Retry-After`.
    package let retryAfter: String?
    /// The value of `ETag`, with its quotes.
    package let entityTag: String?
    package let body: [UInt8]
  }

  /// Creates a client.
  ///
  /// - Parameters:
  ///   - usesProxy: whether to use the proxy of the environment (`https_proxy`, `ALL_PROXY`), if any.
  ///     A loopback address is always called directly.
  ///   - isCanceled: polled about once a second during a call; true ends the call.
  package init(
    limits: Limits = Limits(), usesProxy: Bool = true,
    isCanceled: @escaping @Sendable () -> Bool = { false }
  ) throws(HTTPClientError) {
    guard let handle = curl_easy_init() else { throw HTTPClientError(reason: "libcurl could not be started") }
    self.handle = handle
    self.limits = limits
    self.usesProxy = usesProxy
    self.isCanceled = isCanceled
  }

  deinit {
    curl_easy_cleanup(handle)
  }

  /// Sends a request and receives the response.
  ///
  /// - Parameters:
  ///   - fields: header fields as `name: value`.
  ///   - body: the content of POST, empty if nil.
  ///   - isOnce: never send it twice. libcurl repeats a request of any method if a reused connection
  ///     ends without a response, so this request gets a new connection.
  ///   - maxBody: the maximum length of the content, in place of ``Limits/maxBodyBytes``.
  package func send(
    _ method: Method, to url: String, fields: [String], body: [UInt8]? = nil, isOnce: Bool = false,
    maxBody: Int? = nil
  ) throws(HTTPClientError) -> Response {
    curl_easy_reset(handle)
    if isOnce { try check(ccurl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)) }
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    // libcurl would add an Expect field to large bodies, and wait for 100 Continue.
    for field in fields + ["Expect:"] { list = curl_slist_append(list, field) }
    let sink = Sink(limit: maxBody ?? limits.maxBodyBytes)
    try configure(url: url, list: list, sink: sink)
    let code =
      switch method {
      case .get: curl_easy_perform(handle)
      case .post: try post(body ?? [])
      }
    withExtendedLifetime(sink) {}
    guard code == CURLE_OK else {
      if sink.isFull { throw HTTPClientError(ofOversizedResponse: status) }
      var sent = 0
      _ = ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &sent)
      throw HTTPClientError(code, isUnsent: sent == 0)
    }
    return Response(
      status: status, retryAfter: field("Retry-After"), entityTag: field("ETag"), body: sink.bytes)
  }

  /// The status code of the last response.
  private var status: Int {
    var status = 0
    _ = ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func post(_ body: [UInt8]) throws(HTTPClientError) -> CURLcode {
    try check(ccurl_set_long(handle, CURLOPT_POST, 1))
    try check(ccurl_set_long(handle, CURLOPT_POSTFIELDSIZE_LARGE, body.count))
    var body = body
    // An empty array has no address, and without one libcurl would call a read callback for the body.
    if body.isEmpty { body.reserveCapacity(1) }
    // libcurl does not copy the body: it must stay in place while the transfer runs.
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
    // https://curl.se/libcurl/c/CURLOPT_NOPROXY.html: an asterisk means every host, and overrides the
    // environment.
    if !usesProxy || Loopback.isHost(ofURL: url) {
      try check(ccurl_set_string(handle, CURLOPT_NOPROXY, "*"))
    }
    // Timeouts by signals do not suit a multithreaded process.
    try check(ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1))
    try check(ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, limits.connectTimeoutMilliseconds))
    try check(ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, limits.totalTimeoutMilliseconds))
    try check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, list))
    try check(ccurl_set_long(handle, CURLOPT_NOPROGRESS, 0))
    try check(ccurl_set_pointer(handle, CURLOPT_XFERINFODATA, Unmanaged.passUnretained(self).toOpaque()))
    try check(
      ccurl_set_progress_function(handle) { context, _, _, _, _ in
        guard let context else { return 0 }
        return Unmanaged<HTTPClient>.fromOpaque(context).takeUnretainedValue().isCanceled() ? 1 : 0
      })
    try check(ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque()))
    try check(
      ccurl_set_write_function(handle) { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
        return sink.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
  }

  private func field(_ name: String) -> String? {
    // https://curl.se/libcurl/c/curl_easy_header.html: the text lives until the handle is used again.
    ccurl_header(handle, name).map { String(cString: $0) }
  }

  private func check(_ code: CURLcode) throws(HTTPClientError) {
    guard code == CURLE_OK else { throw HTTPClientError(code, isUnsent: true) }
  }

  /// Collects the content of a response.
  ///
  /// libcurl aborts the transfer when the callback takes less than it was offered.
  private final class Sink {
    private(set) var bytes: [UInt8] = []
    /// The content exceeded the limit.
    private(set) var isFull = false
    private let limit: Int

    init(limit: Int) {
      self.limit = limit
    }

    func take(_ more: UnsafeRawBufferPointer) -> Int {
      guard bytes.count + more.count <= limit else {
        isFull = true
        return 0
      }
      bytes.append(contentsOf: more)
      return more.count
    }
  }
}

/// The reason a call returned no response.
package struct HTTPClientError: Error, Sendable, CustomStringConvertible {
  /// No byte of the request was sent, so the server cannot have acted on it.
  package let isUnsent: Bool
  /// The status of a response whose content exceeded the limit.
  package let statusOfOversizedResponse: Int?
  private let reason: String

  init(reason: String) {
    self.reason = reason
    isUnsent = true
    statusOfOversizedResponse = nil
  }

  init(ofOversizedResponse status: Int) {
    reason = "the answer was longer than may be taken"
    isUnsent = false
    statusOfOversizedResponse = status
  }

  init(_ code: CURLcode, isUnsent: Bool) {
    reason = String(cString: curl_easy_strerror(code))
    self.isUnsent = isUnsent
    statusOfOversizedResponse = nil
  }

  package var description: String { reason }
}
