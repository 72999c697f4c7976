internal import StandardWebhooks

/// A delivery verifies only with the right MAC.
///
/// It is computed here a second time.
///
/// Input: three lines with the id, the timestamp and the signature, and then the body. In the signature `$`
/// and `%` are replaced by the right MACs under the first and the second secret. `#` is replaced by one under
/// an unknown secret, and `^` by the first MAC with one bit flipped, which the body selects. Fuzzing could
/// not guess any of them.
enum SignaturesFuzzTarget {
  static let now: Int64 = 1_614_265_330
  private static let tolerance: Int64 = 300
  private static let keys: [[UInt8]] = [0x11, 0x5A, 0xC3].map { seed in (0..<24).map { seed &+ $0 &* 7 } }
  private static let secrets = keys.prefix(2).compactMap {
    try? Secret("whsec_" + ReferenceBase64.encode($0))
  }

  static func run(_ input: [UInt8]) throws(Violation) {
    let lines = input.split(separator: 10, maxSplits: 3, omittingEmptySubsequences: false)
    try checkSecret(String(decoding: lines[lines.count - 1], as: UTF8.self))
    guard lines.count == 4 else { return }
    let (id, timestamp) = (
      String(decoding: lines[0], as: UTF8.self), String(decoding: lines[1], as: UTF8.self)
    )
    let body = Array(lines[3])
    let macs = keys.map { ReferenceHMAC.authenticate(Array("\(id).\(timestamp).".utf8) + body, key: $0) }
    var nearMiss = macs[0]
    let bit = body.reduce(0) { ($0 + Int($1)) % 256 }
    nearMiss[bit / 8] ^= 1 << UInt8(bit % 8)
    let texts = zip("$%#^".utf8, macs + [nearMiss]).map { ($0, Array(ReferenceBase64.encode($1).utf8)) }
    let signature = lines[2].flatMap { byte in texts.first { $0.0 == byte }?.1 ?? [byte] }
    let headers = SignatureHeaders(
      id: id, timestamp: timestamp, signature: String(decoding: signature, as: UTF8.self))
    try check(headers, body: body, macs: Array(macs.prefix(2)))
  }

  private static func check(
    _ headers: SignatureHeaders, body: [UInt8], macs: [[UInt8]]
  ) throws(Violation) {
    guard secrets.count == 2, let verifier = Verifier(secrets: secrets, toleranceSeconds: tolerance) else {
      throw Violation(rule: "the secrets are not usable")
    }
    let expected = ReferenceVerdict(headers, macs: macs, now: now, tolerance: tolerance)
    try require(verdict(verifier, headers, body) == expected, "the verdict is not \(expected)")
    // One byte more or less: the same MACs do not match, and no state is kept in the context.
    let others = [body + [0], Array(body.dropLast())].filter { $0 != body }
    for other in others {
      if case .accepted = verdict(verifier, headers, other) {
        throw Violation(rule: "a signature fits a body that was not signed")
      }
    }
    try require(verdict(verifier, headers, body) == expected, "the second verdict is another")
    try checkSigner(headers, body: body, secret: secrets[0], mac: macs[0])
  }

  private static func verdict(
    _ verifier: Verifier, _ headers: SignatureHeaders, _ body: [UInt8]
  ) -> ReferenceVerdict {
    do throws(VerificationError) {
      let acceptance = try verifier.verify(headers, body: body.span, now: now)
      return .accepted(secret: acceptance.secretPosition, age: acceptance.ageSeconds)
    } catch {
      return .refused(error)
    }
  }

  private static func checkSigner(
    _ headers: SignatureHeaders, body: [UInt8], secret: Secret, mac: [UInt8]
  ) throws(Violation) {
    let signed = Signer.sign(id: headers.id, timestamp: headers.timestamp, body: body.span, with: secret)
    try require(signed == "v1," + ReferenceBase64.encode(mac), "the signer signs something else")
  }

  /// A text is a secret if the reference decodes enough bytes.
  ///
  /// It then reads back unchanged.
  private static func checkSecret(_ text: String) throws(Violation) {
    let outcome: Result<String, SecretError>
    do throws(SecretError) {
      outcome = .success(try Secret(text).revealed)
    } catch {
      outcome = .failure(error)
    }
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      try require(outcome == ReferenceSecret.reveal(text), "a secret is read as \(outcome)")
    }
    guard case .success(let revealed) = outcome else { return }
    // The reason for rejecting a non-ASCII text may depend on Unicode's notion of a character; the rejection
    // may not.
    try require(text.utf8.allSatisfy { $0 < 0x80 }, "a secret is no base64")
    try require((try? Secret(revealed).revealed) == revealed, "a secret does not read back")
  }
}
