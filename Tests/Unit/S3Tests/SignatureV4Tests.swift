import Bytes
import Crypto
import Testing
import Time

@testable import S3

/// Signatures that botocore and a second implementation made of the same requests; 2u by the second alone.
@Suite struct SignatureV4Tests {
  static let digest = "e7009f8e0f2ec811258c627de24391f7df93111b8fde2c607e7c1bd5f8611f95"
  static let time = Timestamp(rfc3339: "2026-09-01T12:30:45Z") ?? .distantFuture
  static let host = "s3.example.test"
  static let path = "/outputs/sha256/e7/\(digest)"

  static func signer(_ region: String, token: String? = nil) -> SignatureV4 {
    SignatureV4(
      S3Credentials(
        keyID: "AKWEBHOOKDTEST01",
        secret: SecretKey(Array("9f/own+test/secret0123456789ABCDEFGHIJKL".utf8)), sessionToken: token),
      region: region)
  }

  struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let method: String
    var host = SignatureV4Tests.host
    var path = SignatureV4Tests.path
    var region = "eu-test-1"
    var fields: [SignatureV4.Field] = []
    var token: String?
    var digest = SignatureV4Tests.digest
    let signature: String

    var testDescription: String { name }
  }

  static let vectors: [Vector] = [
    Vector(
      name: "1", method: "PUT",
      fields: [
        ("Content-Type", "image/png"), ("If-None-Match", "*"),
        ("x-amz-checksum-sha256", "5wCfjg8uyBEljGJ94kOR99+TERuP3ixgfnwb1fhhH5U="),
      ], signature: "cdde99709449b69cb354b8b79e63d12dfb4943c6a750eeec18601961d750d20f"),
    Vector(
      name: "2", method: "PUT", host: "outputs.s3.example.test", path: "/sha256/e7/\(digest)",
      region: "auto", fields: [("content-type", "image/png")],
      signature: "da973ee1c7fe99870508e719e610d765bbbe3e15da3996476b539d39c253fab7"),
    Vector(
      name: "2u", method: "PUT", host: "outputs.s3.example.test", path: "/sha256/e7/\(digest)",
      region: "auto", fields: [("content-type", "  image/png ")], digest: "UNSIGNED-PAYLOAD",
      signature: "bd9c2cb5303168a52de4c7d06e055cce8f2270828ca4c22c1cb5ee5d148420fa"),
    Vector(
      name: "3", method: "GET", host: "s3.example.test:9000",
      path: "/outputs/made/2026%2009/a%3Db%2Bc/%C3%BC~%281%29.png", region: "us-east-1",
      digest: SignatureV4.emptyDigest,
      signature: "8d36bfa871a34ea7bcf38313e04239c9e2b3681f6c4715b8cb4b7842990d9e9e"),
    Vector(
      name: "5", method: "HEAD", token: "tok/en+1==", digest: SignatureV4.emptyDigest,
      signature: "6e14fc4e27fccdca83d782e22b4651f30f521f5463ae5c73eabc4f763c877152"),
  ]

  @Test(arguments: vectors)
  func aRequestHasTheSignatureThatOthersMakeOfIt(_ vector: Vector) throws {
    let fields = try #require(
      Self.signer(vector.region, token: vector.token).fields(
        signing: vector.method, host: vector.host, path: vector.path, fields: vector.fields,
        digest: vector.digest, at: Self.time))
    let authorization = try #require(fields.last)
    #expect(authorization.name == "Authorization")
    #expect(authorization.value.hasSuffix("Signature=\(vector.signature)"))
    #expect(fields.contains { $0.name == "x-amz-content-sha256" && $0.value == vector.digest })
    #expect(!fields.contains { $0.name.lowercased() == "host" })
  }

  @Test func aPresignedURLHasTheSignatureThatOthersMakeOfIt() throws {
    let query = try #require(
      Self.signer("eu-test-1").query(
        presigning: "GET", host: Self.host, path: Self.path,
        query: [
          ("response-content-disposition", #"inline; filename="out-0.png""#),
          ("response-content-type", "image/png"),
        ], for: 3600, at: Self.time))
    #expect(
      query.hasSuffix(
        "&X-Amz-Signature=85de9355d2669c1be49ea7f489005c85bcc9b5cbb92753dc0813f14c6ca0ace8"))
    #expect(
      query.hasPrefix("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKWEBHOOKDTEST01%2F20260901%2F"))
  }

  @Test(arguments: [(-5, "1"), (0, "1"), (604_800, "604800"), (1_000_000, "604800")])
  func aPresignedURLIsValidForOneSecondToSevenDays(_ seconds: Int, _ expected: String) throws {
    let query = try #require(
      Self.signer("auto").query(presigning: "GET", host: Self.host, path: "/a", for: seconds, at: Self.time))
    #expect(query.split(separator: "&").contains("X-Amz-Expires=\(expected)"))
  }

  @Test(arguments: [
    ("eu-test-1", "c44ca19e797bee24da973341a950b15efcbc1c03e467828f0382b0be9685c50a"),
    ("auto", "809861f20113ab8a4cb48c95541120fa1ea9b51fa3ecd1803a042a2cb6885da4"),
    ("us-east-1", "c93588d2b9a332b4c8ddd1eddb72dcdc915167eb62db61af3efd8fdb1d1eaca7"),
  ])
  func theSigningKeyIsTheEndOfTheChain(_ region: String, _ key: String) {
    let made = Self.signer(region).signingKey(onDay: "20260901") ?? []
    #expect(Hexadecimal.encode(made) == key)
  }

  @Test func theSecretIsNotPrinted() {
    let credentials = S3Credentials(
      keyID: "A", secret: SecretKey(Array("SECRETSECRET".utf8)), sessionToken: "TOKENTOKEN")
    #expect(!"\(credentials) \(String(reflecting: credentials))".contains("SECRET"))
    #expect(!"\(String(reflecting: credentials))".contains("TOKEN"))
  }
}
