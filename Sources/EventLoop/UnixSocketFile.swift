internal import CLinux
internal import Glibc
package import System

/// The file of a unix socket.
///
/// unix(7): it outlives its process, and binding to an existing file fails. A socket without a listener is
/// removed. One with a listener is left alone, and so is a file of any other kind.
struct UnixSocketFile {
  private let path: String

  init(_ path: String) {
    self.path = path
  }

  func removeIfAbandoned() throws(SystemError) {
    if try isThere(), isRefused { unlink(path) }
  }

  /// Throws unless a socket could be bound here. Changes nothing.
  func requireFree() throws(SystemError) {
    if try isThere(), !isRefused { throw SystemError(call: "bind", number: EADDRINUSE) }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    guard access(folder, W_OK | X_OK) == 0 else { throw SystemError(call: "bind", number: errno) }
  }

  /// Whether the file exists and is a socket.
  ///
  /// connect(2) is refused by a file of any kind, so the type is checked before the file is removed.
  private func isThere() throws(SystemError) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return false }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw SystemError(call: "bind", number: ENOTSOCK) }
    return true
  }

  private var isRefused: Bool {
    let probe = clinux_socket(AF_UNIX)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    return SocketAddress.unix(path: path).withSystemAddress {
      connect(probe, $0, $1) == -1 && errno == ECONNREFUSED
    }
  }
}

extension SocketAddress {
  /// Throws the error that listening on this address would throw now.
  ///
  /// It leaves nothing behind.
  package func requireFree() throws(SystemError) {
    if case .unix(let path) = self { return try UnixSocketFile(path).requireFree() }
    let kernel = try LinuxKernel()
    kernel.close(try kernel.listen(on: self, mode: nil, backlog: 1).descriptor)
  }
}
