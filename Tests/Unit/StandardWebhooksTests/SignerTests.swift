import StandardWebhooks
import Testing

@Suite struct SignerTests {
  private static let texts = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
  ]
  private static let body = Array(#"{"type":"job.succeeded"}"#.utf8)

  /// While secrets rotate, a receiver may have either.
  @Test func `a message of two secrets is verified with each`() throws {
    let secrets = try Self.texts.map { try Secret($0) }
    let signed = Signer(secrets)?.headers(id: "m1", time: 1_614_265_330, body: Self.body.span)
    let headers = try #require(signed)
    for secret in secrets {
      let verifier = try #require(Verifier(secrets: [secret], toleranceSeconds: 300))
      #expect(try verifier.verify(headers, body: Self.body.span, now: 1_614_265_331).ageSeconds == 1)
    }
    let other = try #require(Verifier(secrets: [.generate()], toleranceSeconds: 300))
    #expect(throws: VerificationError.mismatch(signaturesTried: 2, secretsTried: 1)) {
      try other.verify(headers, body: Self.body.span, now: 1_614_265_331)
    }
  }

  @Test func `each secret has an entry, in their order`() throws {
    let secrets = try Self.texts.map { try Secret($0) }
    let single = secrets.compactMap { Signer($0)?.sign(id: "m1", timestamp: "7", body: Self.body.span) }
    #expect(single.count == 2 && single.allSatisfy { $0.hasPrefix("v1,") && !$0.contains(" ") })
    let both = Signer(secrets)?.headers(id: "m1", time: 7, body: Self.body.span)
    #expect(
      both?.lines == [
        "webhook-id: m1", "webhook-timestamp: 7", "webhook-signature: \(single.joined(separator: " "))",
      ])
  }

  @Test func `without a secret nothing is signed`() {
    #expect(Signer([]) == nil)
  }
}
