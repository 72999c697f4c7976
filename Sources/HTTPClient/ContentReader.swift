internal import Glibc

/// Reads the content of a request from a file, as libcurl takes it.
final class ContentReader {
  let file: FileContent
  private var position: Int = 0

  init(_ file: FileContent) {
    self.file = file
  }

  /// The number of bytes that were read, zero at the end. Nil if the file has ended early or cannot be read.
  func read(into room: UnsafeMutableRawBufferPointer) -> Int? {
    let rest = file.count - position
    guard rest > 0 else { return 0 }
    let count = pread(file.descriptor, room.baseAddress, min(rest, room.count), file.offset + position)
    guard count > 0 else { return nil }
    position += count
    return count
  }

  /// - Returns: Whether `offset` is within the content.
  func seek(to offset: Int) -> Bool {
    guard (0...file.count).contains(offset) else { return false }
    position = offset
    return true
  }
}
