internal import Glibc

/// The file in which `events` keeps its cursor.
package struct CursorFile {
  private let path: String

  /// A cursor is shorter.
  private static let maxBytes = 256

  package init(_ path: String) {
    self.path = path
  }

  /// The stored cursor; nil where there is no file yet.
  package func read() throws(CommandFailure) -> String? {
    guard access(path, F_OK) == 0 else { return nil }
    guard let text = Files.text(of: path, maxBytes: Self.maxBytes) else {
      throw CommandFailure("\(path) holds no cursor: remove it, or name another file", code: .noInput)
    }
    let cursor = text.split(whereSeparator: \.isWhitespace).first
    return cursor.map(String.init)
  }

  /// Replaces the file, so that a crash leaves the old cursor or the new one.
  package func write(_ cursor: String) throws(CommandFailure) {
    let partial = path + ".partial"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure() }
    let bytes = Array("\(cursor)\n".utf8)
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    let isSynced = isWritten && fsync(descriptor) == 0
    close(descriptor)
    guard isSynced, rename(partial, path) == 0 else { throw failure() }
  }

  private func failure() -> CommandFailure {
    let reason = String(cString: strerror(errno))
    return CommandFailure("\(path): the cursor cannot be written: \(reason)", code: .noInput)
  }
}
