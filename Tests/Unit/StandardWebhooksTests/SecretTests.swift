@testable import Crypto
import StandardWebhooks
import Testing

@Suite struct SecretTests {
  @Test(arguments: SignatureVectors.all.secrets)
  func publishedSecretsAreJudgedAsPublished(_ testCase: SignatureVectors.SecretCase) {
    let secret = try? Secret(testCase.secret)
    switch testCase.expect {
    case "accept": #expect(secret != nil && secret?.lengthWarning == nil)
    case "reject": #expect(secret == nil)
    default: #expect(secret == nil || secret?.lengthWarning != nil)
    }
  }

  @Test(
    arguments: [
      ("", .empty), ("whsec_", .empty), ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", .asymmetric),
      ("whsk_AAAA", .asymmetric), ("whsec_%", .undecodable), ("whsec_AAAAA", .undecodable),
      ("whsec_AA=A", .undecodable),
      ("whsec_AAAA====", .undecodable), ("whsec_ AAAA", .undecodable), ("whsec_A", .undecodable),
      ("whsec_dGhpcnRlZW5ieXRlcw==", .tooShort),
      ("whsec_" + String(repeating: "A", count: 2000), .undecodable),
    ] as [(String, SecretError)])
  func malformedSecretsAreRejectedWithAReason(_ text: String, _ error: SecretError) {
    #expect(throws: error) { try Secret(text) }
    if text.count > 6 { #expect(!"\(error)".contains(text)) }
  }

  @Test func thePrefixMayBeMissing() throws {
    let body = Array("x".utf8)
    let with = try Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    let without = try Secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    let first = Signer.sign(id: "m", timestamp: "1", body: body.span, with: with)
    let second = Signer.sign(id: "m", timestamp: "1", body: body.span, with: without)
    #expect(first != nil && first == second)
  }

  @Test func aGeneratedSecretIsReadBack() throws {
    let secret = Secret.generate()
    #expect(secret.lengthWarning == nil)
    #expect(secret.revealed.hasPrefix("whsec_"))
    #expect(try Secret(secret.revealed).revealed == secret.revealed)
    #expect(Secret.generate().revealed != secret.revealed)
  }

  /// Printing a secret, alone or inside a value, reveals nothing.
  @Test func nothingPrintsASecret() throws {
    let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    let secret = try Secret(text)
    var dumped = ""
    dump([secret], to: &dumped)
    let printed = [
      "\(secret)", String(reflecting: secret), "\([secret])", String(describing: Optional(secret)), dumped,
    ]
    for output in printed { #expect(!output.contains("MfKQ") && !output.contains("31, 242")) }
    #expect("\(secret)" == "<redacted>")
  }

  @Test(arguments: [
    VerificationError.malformedID, .malformedTimestamp, .noUsableSignature,
    .mismatch(signaturesTried: 2, secretsTried: 3), .outOfRange(ageSeconds: 900, toleranceSeconds: 300),
  ])
  func everyRefusalExplainsItself(_ error: VerificationError) {
    #expect(!"\(error)".isEmpty && !"\(error)".contains("whsec_"))
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  ])
  func digestsAreThoseOfTheStandard(_ text: String, _ expected: String) {
    let bytes = Array(text.utf8)
    let digest = SHA256().digest(of: bytes.span)
    #expect(digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected)
  }

  @Test func comparisonSeesEveryDifference() {
    let bytes = Array(UInt8(0)..<32)
    #expect(ConstantTime.areEqual(bytes, bytes))
    #expect(ConstantTime.areEqual([], []))
    #expect(!ConstantTime.areEqual(bytes, Array(bytes.dropLast())))
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 1
      #expect(!ConstantTime.areEqual(bytes, other))
    }
  }
}
