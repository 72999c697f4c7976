import StandardWebhooks
import Testing

/// A valid delivery, and its parts to tamper with.
private struct Sample {
  static let secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  static let now: Int64 = 1_614_265_330
  var id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
  var timestamp = "1614265330"
  var signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
  var body = Array(#"{"test": 2432232314}"#.utf8)

  /// Nil if the delivery is accepted.
  func refusal(
    secrets: [String] = [Sample.secretText], now: Int64 = Sample.now, tolerance: Int64 = 300
  ) throws -> VerificationError? {
    let verifier = try #require(
      Verifier(secrets: try secrets.map { try Secret($0) }, toleranceSeconds: tolerance))
    do throws(VerificationError) {
      _ = try verifier.verify(
        SignatureHeaders(id: id, timestamp: timestamp, signature: signature), body: body.span, now: now)
      return nil
    } catch {
      return error
    }
  }
}

@Suite struct VerifierTests {
  @Test(arguments: SignatureVectors.all.vectors)
  func publishedVectorsVerifyAsPublished(_ vector: SignatureVectors.Vector) throws {
    guard let secret = try? Secret(vector.secret) else {
      #expect(vector.signature_valid != true, "a secret that is needed was refused")
      return
    }
    let verifier = try #require(Verifier(secrets: [secret], toleranceSeconds: .max / 4))
    let headers = SignatureHeaders(
      id: vector.header("webhook-id"), timestamp: vector.header("webhook-timestamp"),
      signature: vector.header("webhook-signature"))
    let body = vector.body
    let isAccepted = (try? verifier.verify(headers, body: body.span, now: Sample.now)) != nil
    if let expected = vector.signature_valid { #expect(isAccepted == expected) }
  }

  @Test(arguments: SignatureVectors.all.tolerance_cases.filter { ["accept", "reject"].contains($0.expect) })
  func timestampsOutsideTheToleranceAreRefused(_ testCase: SignatureVectors.ToleranceCase) throws {
    let refusal = try Sample().refusal(
      now: Sample.now - testCase.offset_seconds, tolerance: testCase.tolerance)
    #expect((refusal == nil) == (testCase.expect == "accept"))
  }

  @Test func theToleranceItselfIsStillAccepted() throws {
    #expect(try Sample().refusal(now: Sample.now + 300) == nil)
    #expect(try Sample().refusal(now: Sample.now - 300) == nil)
    #expect(
      try Sample().refusal(now: Sample.now + 301) == .outOfRange(ageSeconds: 301, toleranceSeconds: 300))
  }

  @Test func everyFlippedBitIsRefused() throws {
    let sample = Sample()
    for index in sample.body.indices {
      for bit in 0..<8 {
        var spoilt = sample
        spoilt.body[index] ^= 1 << UInt8(bit)
        #expect(try spoilt.refusal() != nil, "bit \(bit) of body byte \(index)")
      }
    }
    for part in [\Sample.id, \Sample.timestamp, \Sample.signature] {
      let bytes = Array(sample[keyPath: part].utf8)
      for index in bytes.indices {
        for bit in 0..<8 {
          var flipped = bytes
          flipped[index] ^= 1 << UInt8(bit)
          var spoilt = sample
          spoilt[keyPath: part] = String(decoding: flipped, as: UTF8.self)
          #expect(try spoilt.refusal() != nil, "bit \(bit) of \(part) byte \(index)")
        }
      }
    }
  }

  @Test func theBodyMayBeNeitherShortenedNorLengthened() throws {
    var shorter = Sample()
    shorter.body.removeLast()
    var longer = Sample()
    longer.body.append(UInt8(ascii: "\n"))
    #expect(try shorter.refusal() == .mismatch(signaturesTried: 1, secretsTried: 1))
    #expect(try longer.refusal() == .mismatch(signaturesTried: 1, secretsTried: 1))
  }

  private static let valid = Sample().signature
  private static let decoy = "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo="
  private static let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

  @Test(
    arguments: [
      (valid, true), ("\(wrong) \(valid)", true), ("\(valid) \(wrong)", true), ("garbage \(valid)", true),
      ("  \(valid)  ", true), ("v1, \(valid)", true), ("v1a,AAAA v2,BBBB \(valid)", true),
      ("\(decoy) \(valid)", true),
      // Fifteen well-formed entries precede it; after sixteen it would be the seventeenth.
      (Array(repeating: wrong, count: 15).joined(separator: " ") + " " + valid, true),
      (Array(repeating: wrong, count: 16).joined(separator: " ") + " " + valid, false),
      // Each of these is accepted by some client.
      ("v2" + valid.dropFirst(2), false), ("v1a" + valid.dropFirst(2), false),
      (String(valid.dropFirst(2)), false),
      (String(valid.dropFirst(3)), false), ("V1" + valid.dropFirst(2), false), (valid + ",zzz", false),
      (valid + "=", false), (String(valid.dropLast()), false), ("v1,", false), ("v1", false), ("", false),
      (" ", false),
      ("v1," + valid.dropFirst(3).replacing("=", with: ""), false), (valid.replacing(",", with: ", "), false),
      ("v1\t" + valid.dropFirst(3), false),
      (valid.replacing("+", with: "-").replacing("/", with: "_"), false),
      (String(repeating: "a", count: 5000) + " " + valid, false),
    ] as [(String, Bool)])
  func onlyAWellFormedVersion1EntryCounts(_ signature: String, _ isAccepted: Bool) throws {
    var sample = Sample()
    sample.signature = signature
    #expect((try sample.refusal() == nil) == isAccepted)
  }

  @Test(arguments: [
    "", "0", "01614265330", "+1614265330", "-1614265330", " 1614265330", "1614265330 ", "1614265330.0",
    "1.6e9",
    "1614265330123", "hello", "１６１４２６５３３０", "0x60376232", "1614265330\u{0}",
  ])
  func aTimestampHasOneSpelling(_ timestamp: String) throws {
    var sample = Sample()
    sample.timestamp = timestamp
    #expect(try sample.refusal() == .malformedTimestamp)
  }

  @Test(arguments: ["", "a.b", "a b", "a\tb", "a\u{0}b", "msg_é", "a\nb", String(repeating: "a", count: 256)])
  func anIDIsShortVisibleAndWithoutDots(_ id: String) throws {
    let secret = try Secret(Sample.secretText)
    var sample = Sample()
    sample.id = id
    let signature = Signer.sign(id: id, timestamp: sample.timestamp, body: sample.body.span, with: secret)
    sample.signature = try #require(signature)
    #expect(try sample.refusal() == .malformedID)
  }

  @Test func theSecretThatFitsIsNamedByItsPosition() throws {
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    let sample = Sample()
    let headers = SignatureHeaders(id: sample.id, timestamp: sample.timestamp, signature: sample.signature)
    for (secrets, position) in [([Sample.secretText, other], 1), ([other, Sample.secretText], 2)] {
      let verifier = try #require(
        Verifier(secrets: try secrets.map { try Secret($0) }, toleranceSeconds: 300))
      let acceptance = try verifier.verify(headers, body: sample.body.span, now: Sample.now)
      #expect(acceptance.secretPosition == position)
    }
    #expect(try sample.refusal(secrets: [other]) == .mismatch(signaturesTried: 1, secretsTried: 1))
    #expect(try sample.refusal(secrets: []) == .mismatch(signaturesTried: 1, secretsTried: 0))
  }

  /// The context is reused, and keeps nothing of the previous delivery.
  @Test func aVerifierServesManyDeliveriesInTurn() throws {
    let secret = try Secret(Sample.secretText)
    let verifier = try #require(Verifier(secrets: [secret], toleranceSeconds: 300))
    for number in 0..<1000 {
      let body = Array("body \(number)".utf8) + Array(repeating: 0x61, count: number)
      let signature = Signer.sign(id: "m\(number)", timestamp: "1614265330", body: body.span, with: secret)
      let headers = SignatureHeaders(
        id: "m\(number)", timestamp: "1614265330", signature: try #require(signature))
      _ = try verifier.verify(headers, body: body.span, now: Sample.now)
      #expect(throws: VerificationError.self) {
        try verifier.verify(headers, body: (body + [0]).span, now: Sample.now)
      }
    }
  }
}
