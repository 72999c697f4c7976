internal import Crypto

/// Verifies deliveries against one or more secrets (Standard Webhooks, symmetric scheme).
///
/// It owns an HMAC context per secret and reuses it for every delivery: use one verifier per thread.
package final class Verifier {
  private let contexts: [HMACContext]
  /// The maximum distance of a timestamp from now, in seconds, in both directions.
  private let tolerance: Int64

  /// Nil if OpenSSL cannot create an HMAC-SHA256.
  package init?(secrets: [Secret], toleranceSeconds: Int64) {
    var contexts: [HMACContext] = []
    for secret in secrets {
      guard let context = HMACContext(key: secret.key) else { return nil }
      contexts.append(context)
    }
    self.contexts = contexts
    tolerance = toleranceSeconds
  }

  /// Checks the signature over exactly `body`, then the age.
  ///
  /// The age is checked last, because a timestamp means nothing before its signature holds. Every secret is
  /// tried against every MAC, so that the time taken does not reveal which one matched.
  ///
  /// - Parameter now: seconds since 1970.
  package func verify(
    _ headers: SignatureHeaders, body: Span<UInt8>, now: Int64
  ) throws(VerificationError) -> Acceptance {
    guard headers.isIDWellFormed else { throw .malformedID }
    guard let seconds = headers.seconds else { throw .malformedTimestamp }
    let offered = headers.offeredMACs
    guard !offered.isEmpty else { throw .noUsableSignature }
    let prefix = SignatureHeaders.signedPrefix(id: headers.id, timestamp: headers.timestamp)
    var position: Int?
    for (index, context) in contexts.enumerated() {
      guard let expected = context.authenticate(prefix.span, body) else { continue }
      for mac in offered where ConstantTime.areEqual(mac, expected) && position == nil {
        position = index + 1
      }
    }
    guard let position else { throw .mismatch(signaturesTried: offered.count, secretsTried: contexts.count) }
    let age = now - seconds
    guard abs(age) <= tolerance else { throw .outOfRange(ageSeconds: age, toleranceSeconds: tolerance) }
    return Acceptance(secretPosition: position, ageSeconds: age)
  }
}

/// The result of a successful verification.
package struct Acceptance: Equatable, Sendable {
  /// The position of the matching secret in the setting, from 1.
  package let secretPosition: Int
  /// Negative if the sender's clock is ahead of this machine's.
  package let ageSeconds: Int64
}

/// The reason a delivery was not verified.
///
/// It quotes no header, MAC or secret.
package enum VerificationError: Error, Equatable, Sendable {
  case malformedID
  case malformedTimestamp
  /// No entry of the header is `v1,` and the base64 of 32 bytes.
  case noUsableSignature
  case mismatch(signaturesTried: Int, secretsTried: Int)
  case outOfRange(ageSeconds: Int64, toleranceSeconds: Int64)
}

extension VerificationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformedID:
      "webhook-id is not 1 to 255 visible ASCII characters without a dot"
    case .malformedTimestamp:
      "webhook-timestamp is not a whole number of seconds since 1970, "
        + "in 1 to 12 digits without sign or leading zero"
    case .noUsableSignature:
      "webhook-signature has no entry of the form v1,<base64 of 32 bytes>"
    case .mismatch(let signatures, let secrets):
      "none of \(signatures) v1 signatures fits the body under any of \(secrets) secrets"
    case .outOfRange(let age, let tolerance):
      "the timestamp is \(abs(age)) s \(age < 0 ? "in the future" : "old"), more than \(tolerance) s"
    }
  }
}
