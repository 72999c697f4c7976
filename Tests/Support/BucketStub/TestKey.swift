/// The key that the stand-ins accept.
package enum TestKey {
  package static let id = "AKWEBHOOKDTEST01"
  package static let secret = "9f/own+test/secret0123456789ABCDEFGHIJKL"

  package static func stub(
    bucket: String = "outputs", region: String = "eu-test-1", token: String? = nil
  ) throws -> BucketStub {
    try BucketStub(bucket: bucket, region: region, keyID: id, secret: secret, token: token)
  }
}
