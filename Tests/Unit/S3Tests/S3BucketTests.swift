import HTTPClient
import Testing

@testable import S3

@Suite struct S3BucketTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let location: String
    var endpoint: String?
    var region: String?
    let url: String
    let signed: String

    var testDescription: String { "\(location) at \(endpoint ?? "AWS")" }
  }

  static let places: [Case] = [
    Case(
      location: "pictures", region: "eu-central-1",
      url: "https://pictures.s3.eu-central-1.amazonaws.com/a/b.png", signed: "eu-central-1"),
    Case(
      location: "pictures/made/here/", url: "https://pictures.s3.us-east-1.amazonaws.com/made/here/a/b.png",
      signed: "us-east-1"),
    Case(
      location: "my.pictures", url: "https://s3.us-east-1.amazonaws.com/my.pictures/a/b.png",
      signed: "us-east-1"),
    Case(
      location: "pictures", endpoint: "https://acc.r2.cloudflarestorage.com",
      url: "https://acc.r2.cloudflarestorage.com/pictures/a/b.png", signed: "auto"),
    Case(
      location: "pictures", endpoint: "https://s3.us-west-004.backblazeb2.com/",
      url: "https://s3.us-west-004.backblazeb2.com/pictures/a/b.png", signed: "us-west-004"),
    Case(
      location: "pictures", endpoint: "https://storage.googleapis.com",
      url: "https://pictures.storage.googleapis.com/a/b.png", signed: "auto"),
    Case(
      location: "pictures", endpoint: "http://127.0.0.1:9000", region: "local",
      url: "http://127.0.0.1:9000/pictures/a/b.png", signed: "local"),
    Case(
      location: "pictures", endpoint: "https://S3.example.test:443",
      url: "https://s3.example.test/pictures/a/b.png", signed: "us-east-1"),
    Case(
      location: "pictures", endpoint: "https://s3.eu-west-3.amazonaws.com",
      url: "https://pictures.s3.eu-west-3.amazonaws.com/a/b.png", signed: "eu-west-3"),
  ]

  @Test(arguments: places)
  func anObjectIsWhereTheProviderExpectsIt(_ place: Case) throws {
    let endpoint = try place.endpoint.map { try HTTPURL($0) }
    let bucket = try S3Bucket(place.location, endpoint: endpoint, region: place.region)
    #expect(bucket.target(for: "a/b.png").url == place.url)
    #expect(bucket.region == place.signed)
  }

  @Test func aKeyIsEncodedOnce() throws {
    let bucket = try S3Bucket("outputs", endpoint: try HTTPURL("https://s3.example.test:9000"))
    let target = bucket.target(for: "made/2026 09/a=b+c/ü~(1).png")
    #expect(target.path == "/outputs/made/2026%2009/a%3Db%2Bc/%C3%BC~%281%29.png")
    #expect(target.host == "s3.example.test:9000")
  }

  @Test(
    arguments: [
      ("", nil, nil, S3Bucket.Fault.bucket), ("ab", nil, nil, .bucket), ("Pictures", nil, nil, .bucket),
      ("-pictures", nil, nil, .bucket), ("a..b", nil, nil, .bucket), ("pictures/a//b", nil, nil, .prefix),
      ("pictures/../b", nil, nil, .prefix), ("pictures/./b", nil, nil, .prefix),
      ("pictures//", nil, nil, .prefix),
      ("pictures/" + String(repeating: "a", count: 513), nil, nil, .prefix),
      ("pictures", nil, "eu central", .region), ("pictures", nil, "", .region),
      ("pictures", "https://s3.example.test/path", nil, .endpoint),
      ("pictures", "https://s3.example.test?a=b", nil, .endpoint),
    ] as [(String, String?, String?, S3Bucket.Fault)])
  func invalidLocationsAreRefused(
    _ location: String, _ endpoint: String?, _ region: String?, _ fault: S3Bucket.Fault
  ) throws {
    let endpoint = try endpoint.map { try HTTPURL($0) }
    #expect(throws: fault) { try S3Bucket(location, endpoint: endpoint, region: region) }
  }
}
