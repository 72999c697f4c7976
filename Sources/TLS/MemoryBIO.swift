internal import COpenSSL

/// Bytes on their way into or out of OpenSSL. The SSL object owns the BIO; this only knows it.
struct MemoryBIO {
  /// What an idle connection may hold on to. More is given back, for a memory BIO keeps the most that it ever
  /// held.
  private static let maxIdleBytes = 4096

  let handle: OpaquePointer

  /// Nil where there is no memory. An empty BIO says "not yet", not "end" (BIO_s_mem(3)).
  init?() {
    guard let handle = BIO_new(BIO_s_mem()) else { return nil }
    self.handle = handle
    copenssl_memory_set_end(handle, -1)
  }

  /// Bytes.
  var count: Int { BIO_ctrl_pending(handle) }

  /// It is empty, and its memory is better given back than kept.
  var isOversized: Bool { count == 0 && copenssl_memory_capacity(handle) > Self.maxIdleBytes }

  /// Nothing more will come: where it is empty it says "end".
  func end() {
    copenssl_memory_set_end(handle, 0)
  }

  /// False where there is no memory.
  func append(_ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var written = 0
      return BIO_write_ex(handle, bytes.baseAddress, bytes.count, &written) == 1 && written == bytes.count
    }
  }

  /// Appends everything to `buffer`.
  func drain(into buffer: inout [UInt8]) {
    var start: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory_contents(handle, &start)
    // The bytes are the BIO's, until the next call on it.
    buffer.append(contentsOf: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    _ = copenssl_memory_clear(handle)
  }
}
