internal import Glibc

/// Reads small files whole, up to a size limit.
package enum Files {
  package enum Contents: Equatable {
    case bytes([UInt8])
    case tooLarge
    /// It cannot be opened or read, such as a folder.
    case unreadable
  }

  /// The contents of a file, or why they cannot be returned.
  ///
  /// - Parameter path: `-` is standard input.
  package static func contents(of path: String, maxBytes: Int) -> Contents {
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .unreadable }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    // Ends at the end of the file, at the limit, or with an error.
    while true {
      var result = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
        repeat {
          result = read(descriptor, buffer.baseAddress, buffer.count)
        } while result < 0 && errno == EINTR
        count = max(0, result)
      }
      guard result >= 0 else { return .unreadable }
      guard !chunk.isEmpty else { return .bytes(bytes) }
      bytes += chunk
      guard bytes.count <= maxBytes else { return .tooLarge }
    }
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The bytes. Nil if the file cannot be read or is larger than `maxBytes`.
  package static func bytes(of path: String, maxBytes: Int) -> [UInt8]? {
    guard case .bytes(let bytes) = contents(of: path, maxBytes: maxBytes) else { return nil }
    return bytes
  }

  /// The text; nil also if the bytes are not UTF-8.
  package static func text(of path: String, maxBytes: Int) -> String? {
    bytes(of: path, maxBytes: maxBytes).flatMap { String(validating: $0, as: UTF8.self) }
  }
}

extension Files {
  /// The contents of a file of any size, in pieces.
  package final class Pieces {
    private let descriptor: Int32
    /// Whether a read has failed, so that the file did not end.
    package private(set) var hasFailed = false

    private static let pieceBytes = 1 << 20

    /// Nil where the file cannot be opened.
    package init?(of path: String) {
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { return nil }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Nil at the end.
    package func next() -> [UInt8]? {
      var result = 0
      let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
        repeat {
          result = read(descriptor, buffer.baseAddress, buffer.count)
        } while result < 0 && errno == EINTR
        count = max(0, result)
      }
      if result < 0 { hasFailed = true }
      return piece.isEmpty ? nil : piece
    }
  }
}

/// The environment of this process.
package enum Environment {
  package static var variables: [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
