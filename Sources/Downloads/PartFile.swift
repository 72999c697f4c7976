internal import Glibc
internal import System

/// A file that is being received.
struct PartFile: ~Copyable {
  private let descriptor: Int32
  private(set) var size: Int

  /// Opens the file, and creates it if it is missing.
  init(folder: Int32, name: String) throws(SystemError) {
    let descriptor = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemError(call: "open \(name)", number: errno) }
    self.descriptor = descriptor
    var status = stat()
    size = fstat(descriptor, &status) == 0 ? status.st_size : 0
  }

  deinit {
    close(descriptor)
  }

  mutating func truncate() throws(SystemError) {
    guard size > 0 else { return }
    guard ftruncate(descriptor, 0) == 0 else { throw SystemError(call: "ftruncate", number: errno) }
    size = 0
  }

  mutating func append(_ bytes: Span<UInt8>) throws(SystemError) {
    var start = 0
    while start < bytes.count {
      let rest = bytes.extracting(start...)
      let count = rest.withUnsafeBufferPointer { pwrite(descriptor, $0.baseAddress, $0.count, size) }
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw SystemError(call: "write", number: errno)
      }
      start += count
      size += count
    }
  }

  /// Passes the content to `body`, piece by piece.
  func read(from start: Int = 0, _ body: (Span<UInt8>) -> Void) throws(SystemError) {
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var offset = start
    while offset < size {
      let count = pread(descriptor, &buffer, min(buffer.count, size - offset), offset)
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        throw SystemError(call: "read", number: count == 0 ? EIO : errno)
      }
      body(buffer.span.extracting(first: count))
      offset += count
    }
  }

  /// The first bytes of the content.
  func start(maxBytes: Int) throws(SystemError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: maxBytes)
    let count = pread(descriptor, &buffer, maxBytes, 0)
    guard count >= 0 else { throw SystemError(call: "read", number: errno) }
    return Array(buffer.prefix(count))
  }

  /// Starts to write the content from `offset` on to the disk.
  func startWriteback(from offset: Int) {
    Writeback.start(of: descriptor, from: offset, count: size - offset)
  }

  func sync() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError(call: "fsync", number: errno) }
  }
}
