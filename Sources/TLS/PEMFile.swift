internal import COpenSSL
internal import Glibc

/// A file of PEM blocks (RFC 7468), read once.
///
/// It owns a memory BIO, which OpenSSL wipes when it is freed, because the text may hold a key.
final class PEMFile {
  /// The maximum size. Chains have some thousand bytes.
  static let maxBytes = 1024 * 1024

  let bio: OpaquePointer

  init(path: String, as file: TLSConfigurationError.File) throws(TLSConfigurationError) {
    guard let bio = BIO_new(BIO_s_mem()) else { throw TLSConfigurationError(file, .unavailable) }
    self.bio = bio
    // Non-blocking, because a named pipe would keep the daemon from starting.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw TLSConfigurationError(file, .unreadable(errno)) }
    defer { Glibc.close(descriptor) }
    if let problem = Self.copy(descriptor, to: bio) { throw TLSConfigurationError(file, problem) }
  }

  deinit {
    BIO_free(bio)
  }

  /// The unread rest of the file.
  private var rest: UnsafeRawBufferPointer {
    var start: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory_contents(bio, &start)
    return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count)
  }

  var isBlank: Bool {
    rest.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
  }

  /// Whether the unread rest contains `text`.
  func contains(_ text: String) -> Bool {
    let text = Array(text.utf8)
    let rest = rest
    guard rest.count >= text.count else { return false }
    return (0...rest.count - text.count).contains { rest[$0..<$0 + text.count].elementsEqual(text) }
  }

  private static func copy(_ descriptor: Int32, to bio: OpaquePointer) -> TLSConfigurationError.Problem? {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { chunk in
      defer { OPENSSL_cleanse(chunk.baseAddress, chunk.count) }
      var total = 0
      while total <= maxBytes {
        let count = read(descriptor, chunk.baseAddress, chunk.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return .unreadable(errno) }
        guard count > 0 else { return nil }
        var written = 0
        guard BIO_write_ex(bio, chunk.baseAddress, count, &written) == 1 else { return .unavailable }
        total += count
      }
      return .tooLong
    }
  }
}
