internal import COpenSSL

/// The server's side of one TLS connection: ciphertext in, plaintext out, and the other way round. It waits
/// for nothing and knows no socket. Owns the SSL object; one thread at a time.
///
/// Whoever drives it feeds what arrived with ``receive(_:)``, calls ``handshake()`` until it is complete and
/// then ``read(into:limit:)`` until it needs more, and after each of these sends what ``takeOutgoing(into:)``
/// gives, for answers and alerts of the protocol come up at any time.
package struct TLSSession: ~Copyable {
  /// Bytes that a client may send before its handshake is complete. A ClientHello has about 300 to 2,000;
  /// OpenSSL alone would take one of 131,396.
  package static let maxHandshakeBytes = 32 * 1024
  /// The most bytes for ``receive(_:)`` at once.
  package static let maxReceiveBytes = 64 * 1024
  /// Bytes of ciphertext that wait to be read. Two receives, for the second may come with part of the first
  /// unread.
  package static let maxPendingBytes = 2 * maxReceiveBytes
  /// Records without data that a client may send after its handshake: key updates, empty records, warnings.
  /// Honest ones send a key update for some gigabytes; each costs more to read than to send, and is answered.
  package static let maxEmptyRecords = 32
  /// One more for so many bytes of data.
  package static let bytesPerEmptyRecord = 16 * 1024

  /// RFC 8446 section 5.1.
  private static let recordHeaderBytes = 5

  private let handle: OpaquePointer
  private var incoming: MemoryBIO
  private var outgoing: MemoryBIO
  /// The handshake is complete.
  private var isEstablished = false
  private var hasEnded = false
  private var isClosed = false
  private var handshakeBytes = 0
  private var emptyRecords = 0
  /// Bytes of plaintext that were read.
  private var dataBytes = 0
  /// The header of a record was read, and not all of its body.
  private var isWithinRecord = false
  /// After the first error there is no way on: every later call gives the same (SSL_get_error(3)).
  private var failure: TLSError?

  /// - Throws: `unavailable` where there is no memory.
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

  /// Takes ciphertext that arrived: at most ``maxReceiveBytes`` bytes, and only where everything before was
  /// read.
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

  /// Says that the connection has ended. What arrived before is still read; then comes `closed`, or
  /// `truncated` where the client did not say that it was done.
  package mutating func receiveEnd() {
    hasEnded = true
    incoming.end()
  }

  /// Goes on with the handshake as far as the bytes allow.
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
    // RFC 8446 section 6.1: close_notify before the end of the handshake is a client that gave up.
    case .closed: return .failed(fail(.truncated))
    case .needsMore, .transferred:
      guard handshakeBytes <= Self.maxHandshakeBytes else { return .failed(fail(.handshakeTooLong)) }
      releaseIncoming()
      return .needsMore
    }
  }

  /// Appends at most `limit` bytes of plaintext to `buffer`. Only `needsMore` says that there is no more:
  /// read until then before waiting for the socket.
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
        // The call after a key update answers it, and reads nothing.
        if failure == nil, consumed > 0 || (incoming.count > 0 && !hasStalled) {
          hasStalled = consumed == 0
          continue
        }
        if let failure { reason = .failed(failure) } else { releaseIncoming() }
      }
      // An error behind good bytes shows at the next call, for it stays.
      return total > 0 ? .transferred(total) : reason
    }
    return .transferred(total)
  }

  /// Counts the record that a call has read without giving data, if it has read one to its end: `consumed`
  /// bytes may also be the beginning of one.
  private mutating func noteRecordWithoutData(_ consumed: Int) {
    let wasWithinRecord = isWithinRecord
    // SSL_rstate_string(3): "RB" while the body is read, else "RH".
    isWithinRecord = SSL_rstate_string(handle).map { $0[1] == CChar(UInt8(ascii: "B")) } ?? false
    guard !isWithinRecord, wasWithinRecord ? consumed > 0 : consumed >= Self.recordHeaderBytes else { return }
    emptyRecords += 1
    guard emptyRecords > Self.maxEmptyRecords + dataBytes / Self.bytesPerEmptyRecord else { return }
    failure = .tooManyEmptyRecords
  }

  /// Encrypts all of `bytes` into the outgoing ones. A record holds up to 16 KiB: head and body of a response
  /// in one call share one where they fit.
  package mutating func write(_ bytes: ArraySlice<UInt8>) -> WriteResult {
    if let failure { return .failed(failure) }
    guard isEstablished, !isClosed else { return .failed(.notOpen) }
    // SSL_write(3): the behaviour for no bytes is undefined.
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

  /// Puts close_notify among the outgoing bytes: nothing more will be written. What the client sends can
  /// still be read.
  package mutating func close() {
    // SSL_shutdown(3): not before the end of the handshake, and not after an error.
    guard failure == nil, isEstablished, !isClosed else { return }
    isClosed = true
    ErrorQueue.clear()
    // 0 says that the client's close_notify has not come, which is no concern here.
    let result = SSL_shutdown(handle)
    if result < 0 { _ = reason(of: result) }
  }

  /// There is something to send.
  package var hasOutgoing: Bool { outgoing.count > 0 }

  /// Appends the ciphertext that is to be sent to `buffer`, and forgets it.
  package mutating func takeOutgoing(into buffer: inout [UInt8]) {
    guard hasOutgoing else { return }
    outgoing.drain(into: &buffer)
    guard outgoing.isOversized, let smaller = MemoryBIO() else { return }
    SSL_set0_wbio(handle, smaller.handle)
    outgoing = smaller
  }

  /// `TLSv1.2` or `TLSv1.3`; nil before the handshake is complete.
  package var negotiatedVersion: String? {
    isEstablished ? SSL_get_version(handle).map { String(cString: $0) } : nil
  }

  /// The cipher suite, by OpenSSL's name; nil before the handshake is complete.
  package var cipher: String? {
    isEstablished ? SSL_CIPHER_get_name(SSL_get_current_cipher(handle)).map { String(cString: $0) } : nil
  }

  /// The client came back with a session ticket.
  package var isResumed: Bool { isEstablished && SSL_session_reused(handle) == 1 }

  /// The name that the client asked for (RFC 6066 section 3), in lower case; nil where there is none, or none
  /// that is a host name of at most 253 bytes. Every name is served alike.
  package var serverName: String? {
    guard let text = SSL_get_servername(handle, TLSEXT_NAMETYPE_host_name) else { return nil }
    return HostName.read(String(cString: text))
  }

  /// One call of SSL_read: what it returned, and how many bytes were appended.
  private func readRecord(into buffer: inout [UInt8], limit: Int) -> (result: Int32, count: Int) {
    // A record has no more plaintext than this (RFC 8446 section 5.1).
    withUnsafeTemporaryAllocation(byteCount: min(limit, 16 * 1024), alignment: 1) { scratch in
      var count = 0
      ErrorQueue.clear()
      let result = SSL_read_ex(handle, scratch.baseAddress, scratch.count, &count)
      if result == 1 { buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<count])) }
      return (result, count)
    }
  }

  /// Why the last call did not succeed. Must follow it at once (SSL_get_error(3)).
  private mutating func reason(of result: Int32) -> ReadResult {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ: .needsMore
    case SSL_ERROR_ZERO_RETURN: .closed
    // Before OpenSSL 3.0 an end without close_notify was this, with nothing in the queue.
    case SSL_ERROR_SYSCALL where hasEnded: .failed(fail(.truncated))
    default: .failed(fail(ErrorQueue.takeError(isEstablished: isEstablished)))
    }
  }

  private mutating func fail(_ error: TLSError) -> TLSError {
    failure = error
    return error
  }

  private mutating func releaseIncoming() {
    guard !hasEnded, incoming.isOversized, let smaller = MemoryBIO() else { return }
    SSL_set0_rbio(handle, smaller.handle)
    incoming = smaller
  }
}
