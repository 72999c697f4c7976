internal import Glibc
internal import System

/// The reason a store did not do its work.
package struct BlobFailure: Error, Equatable, Sendable {
  package enum Code: String, Sendable, CaseIterable {
    case full = "store_full"
    case denied = "store_denied"
    case unreachable = "store_unreachable"
    case misconfigured = "store_misconfigured"
    case tooLarge = "too_large"
    case canceled
  }

  package let code: Code
  package let message: String
  /// The store's own word of when to try again.
  package let retryAfter: Duration?

  package init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  /// How long no other file is to be tried either. Nil if the failure may concern this one alone.
  package var pause: Duration? {
    switch code {
    case .full, .denied, .misconfigured: .seconds(60)
    case .unreachable, .tooLarge, .canceled: nil
    }
  }
}

extension BlobFailure {
  /// A failed call to the file system.
  init(_ error: SystemError) {
    let code: Code =
      switch error.number {
      case ENOSPC, EDQUOT: .full
      case EACCES, EPERM, EROFS: .denied
      case ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EINVAL: .misconfigured
      case EFBIG: .tooLarge
      case ECANCELED: .canceled
      default: .unreachable
      }
    self.init(code, "\(error)")
  }
}
