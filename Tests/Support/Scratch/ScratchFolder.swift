internal import Glibc

/// A temporary folder for database files, removed with them at deinit.
package final class ScratchFolder {
  package let path: String

  private struct NoFolder: Error {}

  /// - Parameter isInMemory: creates it in memory where possible, because its files need no durability.
  package init(isInMemory: Bool = false) throws {
    let parent = isInMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(parent)/replicate-webhookd-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw NoFolder() }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for suffix in ["", "-wal", "-shm", "-journal"] { unlink("\(path)/jobs.db\(suffix)") }
    rmdir(path)
  }
}
