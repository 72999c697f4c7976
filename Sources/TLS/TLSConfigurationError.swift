internal import System
internal import Time

/// The reason a certificate or key cannot be used.
///
/// The text is a sentence about the file; callers put the setting and the path before it.
package struct TLSConfigurationError: Error, Equatable, CustomStringConvertible {
  package enum File: Sendable {
    case certificate
    case key
  }

  package enum Problem: Equatable, Sendable {
    /// With the errno of the failed call.
    case unreadable(Int32)
    case tooLong
    case notPEM
    /// A block is truncated, or its contents do not match its label.
    case damaged
    case noCertificate
    case noKey
    /// The file contains something other than certificates, after the last one or between them.
    case garbage
    case encrypted
    case unsupportedKey
    case mismatch
    /// Seconds since 1970.
    case expired(Int64)
    /// Seconds since 1970.
    case notYetValid(Int64)
    case tooWeak
    /// OpenSSL has no memory, or its system-wide configuration forbids something required.
    case unavailable
  }

  package let file: File
  package let problem: Problem

  package init(_ file: File, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  package var description: String {
    switch problem {
    case .unreadable(let number):
      "it cannot be read (\(ErrorNumber.text(of: number))): check the path and its permissions"
    case .tooLong: "it has more than \(PEMFile.maxBytes / 1024) KiB: name the \(noun) alone"
    case .notPEM: "it is not PEM: name or make a file whose \(noun) begins with -----BEGIN"
    case .damaged: "its \(noun) is damaged: copy the whole file again"
    case .noCertificate: "it has no certificate: name the full chain, the server's own certificate first"
    case .noKey: "it has no private key: name the one that belongs to the certificate"
    case .garbage: "it has something that is no certificate: leave only the chain, the server's own first"
    case .encrypted: "it is encrypted, and nobody could type its passphrase: decrypt it with openssl pkey"
    case .unsupportedKey:
      "its key is not of a kind that TLS clients take: use ECDSA P-256 or RSA of 2048 bits"
    case .mismatch:
      "it does not belong to the first certificate: name its key, and put the server's own certificate first"
    case .expired(let time):
      "its certificate expired at \(Timestamp(unixSeconds: time).rfc3339Seconds): renew it"
    case .notYetValid(let time):
      "its certificate is not valid before \(Timestamp(unixSeconds: time).rfc3339Seconds): "
        + "check this machine's clock"
    case .tooWeak:
      "it has a key or a signature that is too weak: use ECDSA P-256 or RSA of 2048 bits, with SHA-256"
    case .unavailable: "OpenSSL cannot use it: check memory and the system's openssl.cnf"
    }
  }

  private var noun: String {
    switch file {
    case .certificate: "certificate"
    case .key: "private key"
    }
  }
}
