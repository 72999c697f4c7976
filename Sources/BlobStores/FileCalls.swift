internal import Bytes
internal import Crypto
internal import Glibc
internal import System

/// The calls to a file system that a folder of files needs.
///
/// A protocol, so that tests can fail each of them, and lose power after any.
protocol FileCalls: Sendable {
  /// - Returns: False if it was there.
  @discardableResult func makeFolder(_ path: String) throws(SystemError) -> Bool
  /// - Returns: Nil if there is none.
  func size(of path: String) throws(SystemError) -> Int?
  /// Waits until the content of a file, or the names in a folder, are on the disk (fsync(2)).
  func flush(_ path: String) throws(SystemError)
  func link(_ path: String, to new: String) throws(SystemError)
  func copy(_ path: String, to new: String, isCanceled: () -> Bool) throws(SystemError)
  /// Creates a file, which must not exist.
  func write(_ bytes: [UInt8], to new: String) throws(SystemError)
  /// Replaces `new` if it exists.
  func rename(_ path: String, to new: String) throws(SystemError)
  /// - Returns: False if there was none.
  @discardableResult func remove(_ path: String) throws(SystemError) -> Bool
  /// The names in a folder, without `.` and `..`.
  func names(in folder: String) throws(SystemError) -> [String]
  /// At most `limit` bytes of a file.
  ///
  /// - Returns: Nil if there is none.
  func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]?
}

/// The file systems of Linux.
struct LinuxFiles: FileCalls {
  private static let folderMode: mode_t = 0o700
  private static let fileMode: mode_t = 0o600

  func makeFolder(_ path: String) throws(SystemError) -> Bool {
    if mkdir(path, Self.folderMode) == 0 { return true }
    guard errno == EEXIST else { throw Self.error("mkdir", path) }
    return false
  }

  func size(of path: String) throws(SystemError) -> Int? {
    var status = stat()
    if lstat(path, &status) == 0 { return Int(status.st_size) }
    guard errno == ENOENT else { throw Self.error("lstat", path) }
    return nil
  }

  func flush(_ path: String) throws(SystemError) {
    let file = try OpenFile(path, O_RDONLY)
    guard fsync(file.descriptor) == 0 else { throw Self.error("fsync", path) }
  }

  func link(_ path: String, to new: String) throws(SystemError) {
    guard Glibc.link(path, new) == 0 else { throw Self.error("link", new) }
  }

  func copy(_ path: String, to new: String, isCanceled: () -> Bool) throws(SystemError) {
    let source = try OpenFile(path, O_RDONLY)
    let target = try OpenFile(new, O_WRONLY | O_CREAT | O_EXCL, mode: Self.fileMode)
    var buffer = [UInt8](repeating: 0, count: OpenFile.readAtOnce)
    while true {
      guard !isCanceled() else { throw SystemError(call: "copy \(new)", number: ECANCELED) }
      let count = try source.read(into: &buffer)
      guard count > 0 else { return }
      try target.write(buffer[..<count])
    }
  }

  func write(_ bytes: [UInt8], to new: String) throws(SystemError) {
    try OpenFile(new, O_WRONLY | O_CREAT | O_EXCL, mode: Self.fileMode).write(bytes[...])
  }

  func rename(_ path: String, to new: String) throws(SystemError) {
    guard Glibc.rename(path, new) == 0 else { throw Self.error("rename", new) }
  }

  func remove(_ path: String) throws(SystemError) -> Bool {
    if unlink(path) == 0 { return true }
    guard errno == ENOENT else { throw Self.error("unlink", path) }
    return false
  }

  func names(in folder: String) throws(SystemError) -> [String] {
    guard let stream = opendir(folder) else { throw Self.error("opendir", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw Self.error("readdir", folder) }
    return names
  }

  func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]? {
    let file: OpenFile
    do { file = try OpenFile(path, O_RDONLY) } catch {
      guard error.number == ENOENT else { throw error }
      return nil
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: limit)
    while bytes.count < limit {
      let count = try file.read(into: &buffer)
      guard count > 0 else { break }
      bytes += buffer[..<min(count, limit - bytes.count)]
    }
    return bytes
  }

  private static func error(_ call: String, _ path: String) -> SystemError {
    SystemError(call: "\(call) \(path)", number: errno)
  }
}

/// An open file, closed with it.
struct OpenFile: ~Copyable {
  static let readAtOnce = 1 << 20

  let descriptor: Int32
  private let path: String

  init(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) {
    descriptor = open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode)
    self.path = path
    guard descriptor >= 0 else { throw SystemError(call: "open \(path)", number: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func size() throws(SystemError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError(call: "fstat \(path)", number: errno) }
    return Int(status.st_size)
  }

  /// - Returns: The number of bytes, zero at the end.
  func read(into buffer: inout [UInt8]) throws(SystemError) -> Int {
    while true {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 { return count }
      guard errno == EINTR else { throw SystemError(call: "read \(path)", number: errno) }
    }
  }

  /// SHA-256 of the content in hexadecimal.
  func digest(isCanceled: () -> Bool) throws(SystemError) -> String {
    guard var digest = RunningDigest(.sha256) else {
      throw SystemError(call: "EVP_MD_fetch", number: ENOSYS)
    }
    var buffer = [UInt8](repeating: 0, count: Self.readAtOnce)
    var offset = 0
    while true {
      guard !isCanceled() else { throw SystemError(call: "read \(path)", number: ECANCELED) }
      // By position, because a transfer may have read the file before.
      let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, offset) }
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw SystemError(call: "read \(path)", number: errno)
      }
      guard count > 0 else { return Hexadecimal.encode(digest.finish()) }
      digest.update(buffer.span.extracting(first: count))
      offset += count
    }
  }

  func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw SystemError(call: "write \(path)", number: errno)
      }
    }
  }
}
