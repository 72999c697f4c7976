package import Jobs

extension BodyDigest {
  /// A digest of equal bytes.
  package static func repeating(_ byte: UInt8) -> BodyDigest {
    guard let digest = BodyDigest(bytes: Array(repeating: byte, count: byteCount)) else {
      preconditionFailure("a digest has \(byteCount) bytes")
    }
    return digest
  }
}
