internal import Glibc
package import System

/// The folder where files are received, and wait to be stored.
///
/// A name without a suffix is a complete file that survives a power cut. Use it from any thread; one
/// download at a time may use a key.
package final class SpoolFolder: Sendable {
  /// The space that stays free by default: the database may be on the same file system.
  package static let minFreeBytes = 1 << 30

  package let path: String
  private let descriptor: Int32
  /// Names the run of the kernel: bytes that were not synced survive a kill, but no restart of the machine.
  private let bootID: String
  private let space: SpoolSpace

  /// Opens the folder, and creates it if it is missing.
  package convenience init(_ path: String, minFreeBytes: Int = minFreeBytes) throws(SystemError) {
    try self.init(path, minFreeBytes: minFreeBytes, bootID: Self.currentBootID(), freeBytes: nil)
  }

  /// - Parameters:
  ///   - bootID: empty if it is unknown; no part is continued after a restart of the process then.
  ///   - freeBytes: the free space, in place of the file system's.
  init(
    _ path: String, minFreeBytes: Int, bootID: String, freeBytes: (@Sendable () -> Int)?
  ) throws(SystemError) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw SystemError(call: "mkdir \(path)", number: errno)
    }
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(call: "open \(path)", number: errno) }
    self.path = path
    self.descriptor = descriptor
    self.bootID = bootID
    space = SpoolSpace(minFreeBytes: minFreeBytes) {
      freeBytes?() ?? Self.freeBytes(of: descriptor)
    }
  }

  deinit {
    close(descriptor)
  }

  /// The path of a finished file.
  package func path(of key: SpoolKey) -> String { "\(path)/\(key)" }

  /// The size of a finished file; nil if there is none.
  package func size(of key: SpoolKey) -> Int? {
    var status = stat()
    guard fstatat(descriptor, key.description, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    return status.st_size
  }

  /// Removes all files of `key`. Those that are missing are no error.
  package func remove(_ key: SpoolKey) throws(SystemError) {
    for kind in SpoolEntry.Kind.allCases { try remove(SpoolEntry(key, kind)) }
  }

  func remove(_ entry: SpoolEntry) throws(SystemError) {
    guard unlinkat(descriptor, entry.name, 0) == 0 || errno == ENOENT else {
      throw SystemError(call: "unlink \(path)/\(entry.name)", number: errno)
    }
  }

  /// The free space of the file system, for users other than root.
  package var freeBytes: Int { space.freeBytes }

  /// The size of all files of the spool.
  package func usedBytes() throws(SystemError) -> Int {
    var sum = 0
    for entry in try entries() {
      var status = stat()
      if fstatat(descriptor, entry.name, &status, AT_SYMLINK_NOFOLLOW) == 0 { sum += status.st_size }
    }
    return sum
  }

  /// Removes what an earlier run has left and no one needs. Call it before the first download.
  ///
  /// Files that are not of the spool stay.
  ///
  /// - Returns: the number of files that were removed.
  @discardableResult
  package func sweep(_ use: (SpoolKey) -> SpoolUse) throws(SystemError) -> Int {
    var removed = 0
    let entries = try entries()
    let resumable = Set(entries.filter { $0.kind == .resume && resumePoint(of: $0.key) != nil }.map(\.key))
    for entry in entries {
      let isNeeded =
        switch (use(entry.key), entry.kind) {
        case (.finished, .finished): true
        case (.partial, .part), (.partial, .resume): resumable.contains(entry.key)
        default: false
        }
      guard !isNeeded else { continue }
      try remove(entry)
      removed += 1
    }
    return removed
  }

  private func entries() throws(SystemError) -> [SpoolEntry] {
    guard let folder = opendir(path) else { throw SystemError(call: "opendir \(path)", number: errno) }
    defer { closedir(folder) }
    var entries: [SpoolEntry] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let entry = SpoolEntry(name: name) { entries.append(entry) }
    }
    return entries
  }
}

// MARK: - One download

extension SpoolFolder {
  /// Opens the part of `key`, empty if there is none.
  func openPart(_ key: SpoolKey) throws(SystemError) -> PartFile {
    try PartFile(folder: descriptor, name: SpoolEntry(key, .part).name)
  }

  /// Names a synced part as a finished file, for good.
  func finish(_ key: SpoolKey) throws(SystemError) {
    let part = SpoolEntry(key, .part).name
    guard renameat(descriptor, part, descriptor, key.description) == 0 else {
      throw SystemError(call: "rename \(path)/\(part)", number: errno)
    }
    guard fsync(descriptor) == 0 else { throw SystemError(call: "fsync \(path)", number: errno) }
    try remove(SpoolEntry(key, .resume))
  }

  /// Removes the part of `key` and how it could be continued.
  ///
  /// An error is of no use to the caller: the next sweep tries it again.
  func discardPart(_ key: SpoolKey) {
    for kind in [SpoolEntry.Kind.part, .resume] { try? remove(SpoolEntry(key, kind)) }
  }

  /// Reserves space for the bytes that a download has still to write, in place of its last reservation.
  ///
  /// - Returns: Whether they fit.
  func reserve(_ bytes: Int, for key: SpoolKey) -> Bool { space.reserve(bytes, for: key) }

  func release(_ key: SpoolKey) { space.release(key) }

  /// Nil if no part can be continued.
  func resumePoint(of key: SpoolKey) -> ResumePoint? {
    guard !bootID.isEmpty else { return nil }
    let file = openat(
      descriptor, SpoolEntry(key, .resume).name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: ResumePoint.maxBytes + 1)
    let count = read(file, &bytes, bytes.count)
    guard count > 0, count <= ResumePoint.maxBytes else { return nil }
    return ResumePoint(String(decoding: bytes.prefix(count), as: UTF8.self), bootID: bootID)
  }

  /// Records how the part of `key` can be continued.
  ///
  /// Without a record the file is fetched from its start, so an error is of no use to the caller.
  func record(_ point: ResumePoint?, of key: SpoolKey) {
    let entry = SpoolEntry(key, .resume)
    try? remove(entry)
    guard let point, !bootID.isEmpty else { return }
    let file = openat(
      descriptor, entry.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    let text = point.text(bootID: bootID)
    if write(file, text, text.utf8.count) != text.utf8.count { try? remove(entry) }
  }
}

// MARK: - The system

extension SpoolFolder {
  private static func freeBytes(of descriptor: Int32) -> Int {
    var status = statvfs()
    guard fstatvfs(descriptor, &status) == 0 else { return 0 }
    // Sizes of file systems beyond the range of Int do not exist yet.
    return Int(
      clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
  }

  /// Empty if the kernel does not show it.
  private static func currentBootID() -> String {
    let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
  }
}
