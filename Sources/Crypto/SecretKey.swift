internal import COpenSSL

/// The bytes of a key, overwritten when nobody needs them any more.
///
/// `@unchecked Sendable`: the bytes are written once, before anybody else sees the object, and wiped in `deinit`, when
/// nobody does.
package final class SecretKey: @unchecked Sendable {
  package private(set) var bytes: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  deinit {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  }
}
