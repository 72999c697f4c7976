internal import Glibc

/// The system's own words for an errno.
package enum ErrorNumber {
  package static func text(of number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      // The XSI form fills the buffer and is safe on any thread, which strerror is not.
      guard let start = buffer.baseAddress, strerror_r(number, start, buffer.count) == 0 else {
        return "errno \(number)"
      }
      return String(cString: start)
    }
  }
}
