internal import COpenSSL

/// The server side of one TLS connection: ciphertext in, plaintext out, and back.
///
/// It never blocks and knows no socket. It owns the SSL object; use it on one thread at a time.
///
/// The caller passes received bytes to ``receive(_:)``. It calls ``handshake()`` until that is complete, and
/// then ``read(into:limit:)`` until that needs more. After each call it sends the bytes of
/// ``takeOutgoing(into:)``, because protocol messages and alerts can come up at any time.
package struct TLSSession: ~Copyable {
  /// The maximum bytes that a client may send before its handshake is complete.
  ///
  /// A ClientHello has about 300 to 2,000; OpenSSL alone would accept one of 131,396.
  package static let maxHandshakeBytes = 32 * 1024
  /// The maximum bytes per ``receive(_:)``.
  package static let maxReceiveBytes = 64 * 1024
  /// The maximum bytes of unread ciphertext.
  ///
  /// Two receives, because the second may come while part of the first is unread.
  package static let maxPendingBytes = 2 * maxReceiveBytes
  /// The maximum records without data after the handshake: key updates, empty records, warnings.
  ///
  /// Regular clients send a key update every few gigabytes. Each costs more to read than to send, and is
  /// answered.
  package static let maxEmptyRecords = 32
  /// One more empty record is allowed for so many bytes of data.
  package static let bytesPerEmptyRecord = 16 * 1024

  /// RFC 8446 section 5.1.
  private static let recordHeaderBytes = 5

  private let handle: OpaquePointer
  private var incoming: MemoryBIO
  private var outgoing: MemoryBIO
  /// The handshake is complete.
  private var isEstablished = false
  private var isClosed = false
  private var handshakeBytes = 0
  private var emptyRecords = 0
  /// The bytes of plaintext read so far.
  private var dataBytes = 0
  /// The header of a record was read, but not all of its body.
  private var isWithinRecord = false
  /// The first error is final: every later call returns it (SSL_get_error(3)).
  private var failure: TLSError?

  /// - Throws: ``TLSError/unavailable`` if there is no memory.
  package init(_ context: TLSContext) throws(TLSError) {
    ErrorQueue.clear()
    guard let handle = SSL_new(context.handle) else { throw .unavailable }
    guard let incoming = MemoryBIO() else {
      SSL_free(handle)
      throw .unavailable
    }
    SSL_set0_rbio(handle, incoming.handle)
    guard let outgoing = MemoryBIO() else {
      SSL_free(handle)
      throw .unavailable
    }
    SSL_set0_wbio(handle, outgoing.handle)
    SSL_set_accept_state(handle)
    self.handle = handle
    self.incoming = incoming
    self.outgoing = outgoing
  }

  deinit {
    SSL_free(handle)
  }

  /// Takes received ciphertext, at most ``maxReceiveBytes``.
  ///
  /// Everything received before must have been read.
  package mutating func receive(_ ciphertext: Span<UInt8>) {
    guard failure == nil, !ciphertext.isEmpty else { return }
    guard ciphertext.count <= Self.maxReceiveBytes, incoming.count + ciphertext.count <= Self.maxPendingBytes
    else {
      failure = .overrun
      return
    }
    if !isEstablished { handshakeBytes += ciphertext.count }
    if !incoming.append(ciphertext) { failure = .unavailable }
  }

  /// Continues the handshake as far as the received bytes allow.
  package mutating func handshake() -> HandshakeProgress {
    if let failure { return .failed(failure) }
    guard !isEstablished else { return .complete }
    ErrorQueue.clear()
    let result = SSL_do_handshake(handle)
    guard result != 1 else {
      isEstablished = true
      releaseIncoming()
      return .complete
    }
    switch reason(of: result) {
    case .failed(let error): return .failed(error)
    // RFC 8446 section 6.1: close_notify during the handshake means that the client gave up.
    case .closed: return .failed(fail(.truncated))
    case .needsMore, .transferred:
      guard handshakeBytes <= Self.maxHandshakeBytes else { return .failed(fail(.handshakeTooLong)) }
      releaseIncoming()
      return .needsMore
    }
  }

  /// Appends at most `limit` bytes of plaintext to `buffer`.
  ///
  /// Only `needsMore` means that there is no more: read until then before waiting for the socket.
  package mutating func read(into buffer: inout [UInt8], limit: Int) -> ReadResult {
    if let failure { return .failed(failure) }
    guard isEstablished else { return .failed(.notOpen) }
    var total = 0
    // Ends: every round reads some of what has arrived, or is followed by one that does.
    var hasStalled = false
    while total < limit {
      let pending = incoming.count
      let (result, count) = readRecord(into: &buffer, limit: limit - total)
      guard result != 1 else {
        total += count
        dataBytes += count
        isWithinRecord = false
        continue
      }
      var reason = reason(of: result)
      if reason == .needsMore {
        let consumed = pending - incoming.count
        noteRecordWithoutData(consumed)
        // The call after a key update sends the response, and reads nothing.
        if failure == nil, consumed > 0 || (incoming.count > 0 && !hasStalled) {
          hasStalled = consumed == 0
          continue
        }
        if let failure { reason = .failed(failure) } else { releaseIncoming() }
      }
      // An error after good bytes is returned by the next call, because it persists.
      return total > 0 ? .transferred(total) : reason
    }
    return .transferred(total)
  }

  /// Counts a record without data, if a call has read one completely.
  ///
  /// `consumed` bytes may also be just the start of a record.
  private mutating func noteRecordWithoutData(_ consumed: Int) {
    let wasWithinRecord = isWithinRecord
    // SSL_rstate_string(3): "RB" while the body is read, else "RH".
    isWithinRecord = SSL_rstate_string(handle).map { $0[1] == CChar(UInt8(ascii: "B")) } ?? false
    guard !isWithinRecord, wasWithinRecord ? consumed > 0 : consumed >= Self.recordHeaderBytes else { return }
    emptyRecords += 1
    guard emptyRecords > Self.maxEmptyRecords + dataBytes / Self.bytesPerEmptyRecord else { return }
    failure = .tooManyEmptyRecords
  }

  /// Encrypts all of `bytes` into the outgoing bytes.
  ///
  /// A record holds up to 16 KiB: head and body of a response in one call share one if they fit.
  package mutating func write(_ bytes: ArraySlice<UInt8>) -> WriteResult {
    if let failure { return .failed(failure) }
    guard isEstablished, !isClosed else { return .failed(.notOpen) }
    // SSL_write(3): the behaviour is undefined for zero bytes.
    guard !bytes.isEmpty else { return .written }
    ErrorQueue.clear()
    var written = 0
    let result = bytes.withUnsafeBytes { SSL_write_ex(handle, $0.baseAddress, $0.count, &written) }
    guard result != 1 else { return .written }
    // A memory BIO takes everything, and without SSL_MODE_ENABLE_PARTIAL_WRITE so does the call
    // (SSL_write(3)).
    guard case .failed(let error) = reason(of: result) else { return .failed(fail(.unavailable)) }
    return .failed(error)
  }

  /// Queues close_notify: nothing more will be written.
  ///
  /// What the client sends can still be read.
  package mutating func close() {
    // SSL_shutdown(3): not before the end of the handshake, and not after an error.
    guard failure == nil, isEstablished, !isClosed else { return }
    isClosed = true
    ErrorQueue.clear()
    // 0 means that the client's close_notify has not arrived, which does not matter here.
    let result = SSL_shutdown(handle)
    if result < 0 { _ = reason(of: result) }
  }

  /// Whether there are bytes to send.
  package var hasOutgoing: Bool { outgoing.count > 0 }

  /// Moves the ciphertext to send into `buffer`.
  package mutating func takeOutgoing(into buffer: inout [UInt8]) {
    guard hasOutgoing else { return }
    outgoing.drain(into: &buffer)
    guard outgoing.isOversized, let smaller = MemoryBIO() else { return }
    SSL_set0_wbio(handle, smaller.handle)
    outgoing = smaller
  }

  /// Calls SSL_read once, and returns its result and the number of bytes appended.
  private func readRecord(into buffer: inout [UInt8], limit: Int) -> (result: Int32, count: Int) {
    // A record has at most this much plaintext (RFC 8446 section 5.1).
    withUnsafeTemporaryAllocation(byteCount: min(limit, 16 * 1024), alignment: 1) { scratch in
      var count = 0
      ErrorQueue.clear()
      let result = SSL_read_ex(handle, scratch.baseAddress, scratch.count, &count)
      if result == 1 { buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<count])) }
      return (result, count)
    }
  }

  /// The reason the last call failed. Must follow it directly (SSL_get_error(3)).
  private mutating func reason(of result: Int32) -> ReadResult {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ: .needsMore
    case SSL_ERROR_ZERO_RETURN: .closed
    default: .failed(fail(ErrorQueue.takeError(isEstablished: isEstablished)))
    }
  }

  private mutating func fail(_ error: TLSError) -> TLSError {
    failure = error
    return error
  }

  private mutating func releaseIncoming() {
    guard incoming.isOversized, let smaller = MemoryBIO() else { return }
    SSL_set0_rbio(handle, smaller.handle)
    incoming = smaller
  }
}
