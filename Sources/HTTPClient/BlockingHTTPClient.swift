internal import CCurl
internal import ClientAddress

/// A blocking HTTP client over libcurl.
///
/// It owns one handle, whose connections are reused. Use it in commands, never on a loop.
package final class BlockingHTTPClient {
  private static let streamBufferBytes = 256 << 10
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
  /// - Parameters:
  ///   - sink: takes the content in place of the response's body.
  ///   - isCanceled: as that of the client, for this call alone.
  package func send(
    _ request: HTTPClientRequest, into sink: (any ContentSink)? = nil,
    isCanceled: @escaping () -> Bool = { false }
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
    let receiver = ContentReceiver(limit: request.maxBodyBytes, truncates: request.truncatesBody, sink: sink)
    {
      self.head(request)
    }
    try configure(request, list: list, receiver: receiver)
    // Of large content, fewer and larger pieces cost less. libcurl keeps 16 KiB otherwise.
    if sink != nil { try check(ccurl_set_long(handle, CURLOPT_BUFFERSIZE, Self.streamBufferBytes)) }
    let code =
      switch request.method {
      case .get: curl_easy_perform(handle)
      case .head: try head()
      case .post: try post(request.body ?? [])
      case .put where request.body != nil: try put(request.body ?? [])
      case .put: try put(request.file)
      case .delete: try delete()
      }
    // A response without content has not been announced to the sink yet.
    if code == CURLE_OK { receiver.begin() }
    guard code == CURLE_OK || receiver.isTruncated else {
      if receiver.isFull { throw .oversized(status: status) }
      if receiver.isUnwanted { throw .unwanted(status: status) }
      if let refusal = addresses.refusalOfAll { throw .addressRefused(refusal) }
      var sent = 0
      _ = ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &sent)
      throw Self.error(code, isUnsent: sent == 0)
    }
    if receiver.isUnwanted { throw .unwanted(status: status) }
    return head(request, body: receiver.bytes)
  }

  /// The last response, as far as its header section goes.
  private func head(_ request: HTTPClientRequest, body: [UInt8] = []) -> HTTPClientResponse {
    var fields: [String: [String]] = [:]
    for name in request.wantedFields { fields[name] = values(of: name) }
    return HTTPClientResponse(
      status: status, retryAfter: values(of: "Retry-After").first, entityTag: values(of: "ETag").first,
      body: body, fields: fields.filter { !$0.value.isEmpty })
  }

  /// The status code of the last response.
  private var status: Int {
    var status = 0
    _ = ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func head() throws(HTTPClientError) -> CURLcode {
    try check(ccurl_set_long(handle, CURLOPT_NOBODY, 1))
    return curl_easy_perform(handle)
  }

  private func put(_ file: FileContent?) throws(HTTPClientError) -> CURLcode {
    let reader = ContentReader(file ?? FileContent(descriptor: -1, count: 0))
    try check(ccurl_set_long(handle, CURLOPT_UPLOAD, 1))
    try check(ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, reader.file.count))
    let context = Unmanaged.passUnretained(reader).toOpaque()
    try check(ccurl_set_pointer(handle, CURLOPT_READDATA, context))
    try check(
      ccurl_set_read_function(handle) { buffer, size, count, context in
        guard let buffer, let context else { return Int(CURL_READFUNC_ABORT) }
        let reader = Unmanaged<ContentReader>.fromOpaque(context).takeUnretainedValue()
        let room = UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
        return reader.read(into: room) ?? Int(CURL_READFUNC_ABORT)
      })
    try check(ccurl_set_pointer(handle, CURLOPT_SEEKDATA, context))
    try check(
      ccurl_set_seek_function(handle) { context, offset, origin in
        guard let context, origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
        let reader = Unmanaged<ContentReader>.fromOpaque(context).takeUnretainedValue()
        return reader.seek(to: offset) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
      })
    return withExtendedLifetime(reader) { curl_easy_perform(handle) }
  }

  private func put(_ body: [UInt8]) throws(HTTPClientError) -> CURLcode {
    try check(ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, HTTPClientRequest.Method.put.rawValue))
    return try post(body)
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
    _ request: HTTPClientRequest, list: UnsafeMutablePointer<curl_slist>?, receiver: ContentReceiver
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
    if let rate = request.minimumRate {
      try check(ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, rate.bytesPerSecond))
      try check(ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, rate.seconds))
    }
    try check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, list))
    try check(ccurl_set_long(handle, CURLOPT_NOPROGRESS, 0))
    try check(ccurl_set_pointer(handle, CURLOPT_XFERINFODATA, Unmanaged.passUnretained(self).toOpaque()))
    try check(
      ccurl_set_progress_function(handle) { context, _, _, _, _ in
        guard let context else { return 0 }
        let client = Unmanaged<BlockingHTTPClient>.fromOpaque(context).takeUnretainedValue()
        return client.isCanceled() || client.isCallCanceled() ? 1 : 0
      })
    try check(ccurl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(receiver).toOpaque()))
    try check(
      ccurl_set_write_function(handle) { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let receiver = Unmanaged<ContentReceiver>.fromOpaque(context).takeUnretainedValue()
        return receiver.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
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

  /// The values of a field, which a response may have more than once.
  private func values(of name: String) -> [String] {
    var values: [String] = []
    // https://curl.se/libcurl/c/curl_easy_header.html: the text lives until the handle is used again.
    while values.count < Self.maxValues, let value = ccurl_header(handle, name, values.count) {
      values.append(String(cString: value))
    }
    return values
  }

  private static let maxValues = 16

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

extension Duration {
  /// In whole milliseconds, at least one: to libcurl, zero is no limit.
  fileprivate var milliseconds: Int {
    max(1, Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000))
  }
}
