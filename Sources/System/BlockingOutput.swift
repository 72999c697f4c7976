internal import Glibc

/// Writes to descriptors that block, such as standard output.
package enum BlockingOutput {
  /// Writes all of `bytes`, in as many calls as it takes.
  ///
  /// - Returns: false if the reader is gone.
  @discardableResult
  package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
