import Glibc

/// A folder for one run's database and certificate.
///
/// Removed with its contents when the last reference is released.
final class TemporaryFolder {
  let path: String

  /// In `TMPDIR`, or /tmp.
  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/webhook-bench-XXXXXX".utf8CString)
    let name = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
    guard let name else {
      throw Failure("cannot create a folder in \(parent) (errno \(errno)): set TMPDIR to another", .system)
    }
    path = String(cString: name)
  }

  /// The folder contains only files.
  deinit {
    for name in SystemFile.names(in: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// Whether the folder is on tmpfs, where commits cost no disk write.
  ///
  /// Determined by the device's row in mountinfo (proc(5)).
  var isInMemory: Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    // makedev(3), as glibc has it.
    let (major, minor) = (status.st_dev >> 8 & 0xFFF, status.st_dev & 0xFF | status.st_dev >> 12 & 0xFFF00)
    return (SystemFile.text(of: "/proc/self/mountinfo") ?? "").split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      guard fields.count > 2, fields[2] == "\(major):\(minor)", let end = fields.firstIndex(of: "-") else {
        return false
      }
      return end + 1 < fields.count && fields[end + 1] == "tmpfs"
    }
  }
}
