internal import CCurl
internal import ClientAddress

/// A blocking HTTP client over libcurl.
///
/// It owns one handle, whose connections are reused. Use it in commands, never on a loop.
package final class BlockingHTTPClient {
  private let handle: UnsafeMutableRawPointer
  private let usesProxy: Bool
  private let isCanceled: @Sendable () -> Bool
  /// The same for the present call alone.
  private var isCallCanceled: () -> Bool = { false }
  /// The addresses of names as `name:port:address,…`, which are not looked up then. For tests.
  var pinnedAddresses: [String] = []
  private var addresses = AddressCheck(policy: .everyAddress)

  /// Creates a client.
  ///
  /// - Parameters:
  ///   - usesProxy: whether to use the proxy of the environment (`https_proxy`, `ALL_PROXY`), if any.
  ///     A loopback address is always called directly.
  ///   - isCanceled: polled about once a second during a call; true ends the call.
  package init(
    usesProxy: Bool = true, isCanceled: @escaping @Sendable () -> Bool = { false }
  ) throws(HTTPClientError) {
    guard let handle = curl_easy_init() else { throw .unsent("libcurl could not be started") }
    self.handle = handle
    self.usesProxy = usesProxy
    self.isCanceled = isCanceled
  }

  deinit {
    curl_easy_cleanup(handle)
  }

  /// Sends a request and receives the response.
  ///
  /// - Parameter isCanceled: as that of the client, for this call alone.
  package func send(
    _ request: HTTPClientRequest, isCanceled: @escaping () -> Bool = { false }
  ) throws(HTTPClientError) -> HTTPClientResponse {
    isCallCanceled = isCanceled
    defer { isCallCanceled = { false } }
    curl_easy_reset(handle)
    if request.isOnce { try check(ccurl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)) }
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    // libcurl would add an Expect field to large bodies, and wait for 100 Continue.
    for field in request.fields + ["Expect:"] { list = curl_slist_append(list, field) }
    var pinned: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(pinned) }
    for name in pinnedAddresses { pinned = curl_slist_append(pinned, name) }
    try check(ccurl_set_list(handle, CURLOPT_RESOLVE, pinned))
    let sink = Sink(limit: request.maxBodyBytes, truncates: request.truncatesBody)
    try configure(request, list: list, sink: sink)
    let code =
      switch request.method {
      case .get: curl_easy_perform(handle)
      case .post: try post(request.body ?? [])
      case .delete: try delete()
      }
    withExtendedLifetime(sink) {}
    guard code == CURLE_OK || sink.isTruncated else {
      if sink.isFull { throw .oversized(status: status) }
      if let refusal = addresses.refusalOfAll { throw .addressRefused(refusal) }
      var sent = 0
      _ = ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &sent)
      throw Self.error(code, isUnsent: sent == 0)
    }
    return HTTPClientResponse(
      status: status, retryAfter: field("Retry-After"), entityTag: field("ETag"), body: sink.bytes)
  }

  /// The status code of the last response.
  private var status: Int {
    var status = 0
    _ = ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func delete() throws(HTTPClientError) -> CURLcode {
    try check(ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, HTTPClientRequest.Method.delete.rawValue))
    return curl_easy_perform(handle)
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
    _ request: HTTPClientRequest, list: UnsafeMutablePointer<curl_slist>?, sink: Sink
  ) throws(HTTPClientError) {
    try check(ccurl_set_string(handle, CURLOPT_URL, request.url))
    try check(ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https"))
    try check(ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0))
    // https://curl.se/libcurl/c/CURLOPT_NOPROXY.html: an asterisk means every host, and overrides the
    // environment.
    if !usesProxy || request.addresses != .everyAddress || Loopback.isHost(ofURL: request.url) {
      try check(ccurl_set_string(handle, CURLOPT_NOPROXY, "*"))
    }
    try configure(request.addresses)
    // Timeouts by signals do not suit a multithreaded process.
    try check(ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1))
    try check(ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.milliseconds))
    try check(ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, request.timeout.milliseconds))
    try check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, list))
    try check(ccurl_set_long(handle, CURLOPT_NOPROGRESS, 0))
    try check(ccurl_set_pointer(handle, CURLOPT_XFERINFODATA, Unmanaged.passUnretained(self).toOpaque()))
    try check(
      ccurl_set_progress_function(handle) { context, _, _, _, _ in
        guard let context else { return 0 }
        let client = Unmanaged<BlockingHTTPClient>.fromOpaque(context).takeUnretainedValue()
        return client.isCanceled() || client.isCallCanceled() ? 1 : 0
      })
    try check(ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(sink).toOpaque()))
    try check(
      ccurl_set_write_function(handle) { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
        return sink.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
  }

  /// Lets libcurl connect, and send, only to what `policy` allows.
  ///
  /// Of a name it resolves, it offers each address when it connects: a later answer of the name server
  /// changes nothing. A reused connection was checked by the policy of another request, so it is checked
  /// again.
  private func configure(_ policy: AddressPolicy) throws(HTTPClientError) {
    addresses = AddressCheck(policy: policy)
    guard policy != .everyAddress else { return }
    let context = Unmanaged.passUnretained(self).toOpaque()
    try check(ccurl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context))
    try check(
      ccurl_set_socket_function(handle) { context, _, offered in
        guard let context, let offered else { return CURL_SOCKET_BAD }
        let client = Unmanaged<BlockingHTTPClient>.fromOpaque(context).takeUnretainedValue()
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = ccurl_ip_address(offered, &bytes)
        let isAllowed = client.addresses.allows(IPAddress(networkOrder: bytes.span.extracting(first: count)))
        return isAllowed ? ccurl_open_socket(offered) : CURL_SOCKET_BAD
      })
    try check(ccurl_set_pointer(handle, CURLOPT_PREREQDATA, context))
    try check(
      ccurl_set_request_function(handle) { context, address, _, _, _ in
        guard let context, let address else { return CURL_PREREQFUNC_ABORT }
        let client = Unmanaged<BlockingHTTPClient>.fromOpaque(context).takeUnretainedValue()
        let isAllowed = client.addresses.allows(IPAddress(String(cString: address)))
        return isAllowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
      })
  }

  private func field(_ name: String) -> String? {
    // https://curl.se/libcurl/c/curl_easy_header.html: the text lives until the handle is used again.
    ccurl_header(handle, name).map { String(cString: $0) }
  }

  private func check(_ code: CURLcode) throws(HTTPClientError) {
    guard code == CURLE_OK else { throw Self.error(code, isUnsent: true) }
  }

  private static func error(_ code: CURLcode, isUnsent: Bool) -> HTTPClientError {
    let reason = String(cString: curl_easy_strerror(code))
    return isUnsent ? .unsent(reason) : .unanswered(reason)
  }
}

/// The addresses that one call may connect to, and those that it did not.
private struct AddressCheck {
  let policy: AddressPolicy
  private var refusal: AddressRefusal?
  private var hasAllowed = false

  init(policy: AddressPolicy) {
    self.policy = policy
  }

  /// A refusal, if no address of the host was allowed.
  var refusalOfAll: AddressRefusal? { hasAllowed ? nil : refusal }

  /// - Parameter address: nil for one of another family, which no policy allows.
  mutating func allows(_ address: IPAddress?) -> Bool {
    guard let address else { return false }
    if let refusal = policy.refusal(of: address) {
      self.refusal = refusal
      return false
    }
    hasAllowed = true
    return true
  }
}

/// Collects the content of a response.
///
/// libcurl aborts the transfer when the callback takes less than it was offered.
private final class Sink {
  private(set) var bytes: [UInt8] = []
  /// The content exceeded the limit.
  private(set) var isFull = false
  private let limit: Int
  private let truncates: Bool

  init(limit: Int, truncates: Bool) {
    self.limit = limit
    self.truncates = truncates
  }

  var isTruncated: Bool { isFull && truncates }

  func take(_ more: UnsafeRawBufferPointer) -> Int {
    guard bytes.count + more.count <= limit else {
      isFull = true
      if truncates { bytes.append(contentsOf: more.prefix(limit - bytes.count)) }
      return 0
    }
    bytes.append(contentsOf: more)
    return more.count
  }
}

extension Duration {
  /// In whole milliseconds, at least one: to libcurl, zero is no limit.
  fileprivate var milliseconds: Int {
    max(1, Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000))
  }
}
