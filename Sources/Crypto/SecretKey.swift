internal import COpenSSL

/// The bytes of a key, overwritten when released.
///
/// `@unchecked Sendable`: the bytes are written once, before the object is shared. They are wiped in
/// `deinit`, when nothing refers to it.
package final class SecretKey: @unchecked Sendable {
  package private(set) var bytes: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  deinit {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  }
}
