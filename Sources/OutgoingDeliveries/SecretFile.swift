internal import Glibc
package import StandardWebhooks

/// A signing secret in a file of the user, made where there is none.
package struct SecretFile: Sendable {
  package let path: String

  /// More than a secret has.
  private static let maxBytes = 4096

  package init(_ path: String) {
    self.path = path
  }

  /// The file of `name` in the user's state folder (XDG Base Directory Specification); nil without a home.
  package init?(named name: String, in environment: [String: String]) {
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 + "/.local/state" : nil }
    // The specification ignores a relative path.
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home
    guard let state else { return nil }
    path = "\(state)/replicate-webhookd/\(name)"
  }

  /// The reason that there is no secret.
  package enum Failure: Error, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case invalid(path: String, SecretError)
    case unwritable(path: String, reason: String)

    package var description: String {
      switch self {
      case .unreadable(let path, let reason): "\(path): the secret cannot be read: \(reason)"
      case .invalid(let path, let error): "\(path) holds no secret (\(error)): remove the file for a new one"
      case .unwritable(let path, let reason): "\(path): the secret cannot be kept: \(reason)"
      }
    }
  }

  /// The secret in the file, or a new one that is now in it.
  package func readOrMake() throws(Failure) -> Secret {
    if let secret = try read() { return secret }
    try make(.generate())
    // Another process may have been first.
    guard let secret = try read() else { throw .unreadable(path: path, reason: Self.reason(ENOENT)) }
    return secret
  }

  /// Nil where there is no file.
  private func read() throws(Failure) -> Secret? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw .unreadable(path: path, reason: Self.reason(errno)) }
      return nil
    }
    defer { close(descriptor) }
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.maxBytes) { buffer, length in
      count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      length = max(0, count)
    }
    guard count >= 0 else { throw .unreadable(path: path, reason: Self.reason(errno)) }
    let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).first ?? ""
    do throws(SecretError) { return try Secret(String(text)) } catch { throw .invalid(path: path, error) }
  }

  /// Writes the file whole, unless there is one by now.
  private func make(_ secret: Secret) throws(Failure) {
    makeFolders()
    let partial = "\(path).\(getpid())"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: Self.reason(errno)) }
    defer { unlink(partial) }
    let bytes = Array("\(secret.revealed)\n".utf8)
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let writeError = errno
    close(descriptor)
    guard isWritten else { throw .unwritable(path: path, reason: Self.reason(writeError)) }
    // link(2) fails where the file exists, so that two processes end with one secret.
    guard link(partial, path) == 0 || errno == EEXIST else {
      throw .unwritable(path: path, reason: Self.reason(errno))
    }
  }

  /// Makes the folders above the file that are missing. What fails shows when the file is opened.
  private func makeFolders() {
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(folder, 0o700)
    }
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
