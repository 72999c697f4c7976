internal import COpenSSL

/// A buffer of bytes into or out of OpenSSL.
///
/// The SSL object owns the BIO.
struct MemoryBIO {
  /// The maximum size that an idle connection keeps.
  ///
  /// A memory BIO never shrinks, so a larger one is replaced.
  private static let maxIdleBytes = 4096

  let handle: OpaquePointer

  /// Nil if there is no memory. Reading an empty BIO yields "retry", not "end of file" (BIO_s_mem(3)).
  init?() {
    guard let handle = BIO_new(BIO_s_mem()) else { return nil }
    self.handle = handle
    copenssl_memory_set_end(handle, -1)
  }

  /// The number of buffered bytes.
  var count: Int { BIO_ctrl_pending(handle) }

  /// Whether it is empty and larger than an idle connection may keep.
  var isOversized: Bool { count == 0 && copenssl_memory_capacity(handle) > Self.maxIdleBytes }

  /// Appends `bytes`; false if there is no memory.
  func append(_ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var written = 0
      return BIO_write_ex(handle, bytes.baseAddress, bytes.count, &written) == 1 && written == bytes.count
    }
  }

  /// Appends everything to `buffer` and clears the BIO.
  func drain(into buffer: inout [UInt8]) {
    var start: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory_contents(handle, &start)
    // The BIO owns the bytes, and the next call on it invalidates them.
    buffer.append(contentsOf: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    _ = copenssl_memory_clear(handle)
  }
}
