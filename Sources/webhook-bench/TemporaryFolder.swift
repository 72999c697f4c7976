import Glibc

/// A folder for one run: the database, the certificate. Removed with what is in it when the last user lets it go.
final class TemporaryFolder {
  let path: String

  /// In `TMPDIR`, or /tmp.
  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/webhook-bench-XXXXXX".utf8CString)
    let name = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
    guard let name else {
      throw Failure("no folder can be made in \(parent) (errno \(errno)): set TMPDIR to another", .system)
    }
    path = String(cString: name)
  }

  /// Only files are ever put into it.
  deinit {
    for name in SystemFile.names(in: path) { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// A commit costs nothing there, so the numbers say nothing of a disk. By the device's row in mountinfo (proc(5)).
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
