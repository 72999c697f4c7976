internal import Glibc

/// The message text of an errno value (strerror_r(3)).
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

/// An errno value with the system call that set it.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  package let call: String
  package let number: Int32

  package init(call: String, number: Int32) {
    self.call = call
    self.number = number
  }

  package var description: String {
    "\(call): \(ErrorNumber.text(of: number))"
  }
}
