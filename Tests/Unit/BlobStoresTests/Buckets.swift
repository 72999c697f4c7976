import BlobStores
import BucketStub
import Crypto
import Foundation
import HTTPClient
import S3
import Time

extension TestKey {
  static func credentials(secret: String = secret, token: String? = nil) -> S3Credentials {
    S3Credentials(keyID: id, secret: SecretKey(Array(secret.utf8)), sessionToken: token)
  }
}

extension BucketStore {
  static let wallClock: @Sendable () -> Timestamp = {
    Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
  }

  /// A store over the stand-in.
  convenience init(
    _ stub: BucketStub, prefix: String = "", region: String? = nil, secret: String = TestKey.secret,
    token: String? = nil, publicURL: PublicURL? = nil,
    now: @escaping @Sendable () -> Timestamp = wallClock
  ) throws {
    let location = prefix.isEmpty ? stub.bucket : "\(stub.bucket)/\(prefix)"
    let bucket = try S3Bucket(
      location, endpoint: HTTPURL(stub.endpoint), region: region ?? stub.region)
    self.init(
      bucket, TestKey.credentials(secret: secret, token: token), publicURL: publicURL, usesProxy: false,
      now: now)
  }
}

/// What a server answers to a GET without credentials, as curl sees it.
struct Fetched {
  let status: Int
  let bytes: [UInt8]
  let fields: [String: [String]]

  init(_ url: String, fields: [String] = []) throws {
    var request = HTTPClientRequest(.get, url, fields: fields)
    request.wantedFields = ["content-type", "content-disposition"]
    let response = try BlockingHTTPClient(usesProxy: false).send(request)
    status = response.status
    bytes = response.body
    self.fields = response.fields
  }
}
