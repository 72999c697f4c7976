internal import Glibc
internal import System

/// A regular file that is open for reading. It is closed when its owner releases it.
///
/// Its content stays readable after the file was removed.
package final class OpenedFile: Sendable {
  let descriptor: Int32
  /// In bytes, when it was opened.
  package let size: Int

  fileprivate init(descriptor: Int32, size: Int) {
    (self.descriptor, self.size) = (descriptor, size)
  }

  deinit { close(descriptor) }
}

/// The calls of ``FileReaders``, each of which may block.
///
/// A protocol, so that tests can let a disk be slow.
protocol FileCalls: Sendable {
  func open(_ path: String) throws(SystemError) -> OpenedFile
  /// At most `count` bytes from `offset` on; none at the end.
  func read(_ file: OpenedFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8]
}

/// The calls of Linux.
struct LinuxFiles: FileCalls {
  func open(_ path: String) throws(SystemError) -> OpenedFile {
    // Without O_NONBLOCK, a pipe of that name would block the thread for good (fifo(7)).
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw SystemError(call: "open \(path)", number: errno) }
    var status = stat()
    let number = fstat(descriptor, &status) == 0 ? 0 : errno
    // From here on, it is closed.
    let file = OpenedFile(descriptor: descriptor, size: Int(status.st_size))
    guard number == 0 else { throw SystemError(call: "fstat \(path)", number: number) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(call: "open \(path), which is no regular file", number: EINVAL)
    }
    return file
  }

  func read(_ file: OpenedFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    while true {
      var result = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        result = pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        filled = max(0, result)
      }
      guard result < 0 else { return bytes }
      guard errno == EINTR else { throw SystemError(call: "pread", number: errno) }
    }
  }
}
