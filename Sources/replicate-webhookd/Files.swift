import Glibc

/// Small files, read whole within a bound.
enum Files {
  /// Nil where the file cannot be opened, cannot be read, or is larger than `limit`. `-` is standard input.
  static func bytes(of path: String, limit: Int) -> [UInt8]? {
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    // Ends at the end of the file, at the limit, or with an error.
    while true {
      let chunk = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
        count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
      }
      guard !chunk.isEmpty else { return bytes }
      bytes += chunk
      guard bytes.count <= limit else { return nil }
    }
  }

  static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// Nil also where the bytes are not UTF-8.
  static func text(of path: String, limit: Int) -> String? {
    bytes(of: path, limit: limit).flatMap { String(validating: $0, as: UTF8.self) }
  }
}

/// The environment of this process.
enum Environment {
  static var variables: [String: String] {
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
