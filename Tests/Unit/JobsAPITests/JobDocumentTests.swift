@testable import Crypto
import Foundation
import Jobs
@testable import JobsAPI
@testable import Replicate
import StandardWebhooks
import Testing
@testable import Time

/// Job documents, byte for byte.
@Suite struct JobDocumentTests {
  /// Real bodies, abridged where they were long.
  private static let payloads = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("ReplicateTests/Payloads")

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: payloads.path)) ?? []
    return files.filter { $0.hasSuffix(".json") }.sorted()
  }()

  private static func body(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: payloads.appendingPathComponent(name)))
  }

  private static func parts(of body: [UInt8], keptFor job: Job) -> PredictionParts? {
    guard let snapshot = job.snapshot else { return nil }
    return PredictionParts(storedBody: body.span, id: snapshot.predictionID, status: snapshot.providerStatus)
  }

  private static func job(from body: [UInt8]) throws -> Job {
    let digest = try #require(BodyDigest(bytes: SHA256().digest(of: body.span)))
    let snapshot = try Prediction(body: body.span).snapshot(digest: digest)
    return Job(firstSeenIn: snapshot, receivedAt: Timestamp(milliseconds: 1_764_180_939_007))
  }

  @Test func thereAreRealBodies() {
    #expect(Self.names.count >= 17)
  }

  @Test(arguments: names)
  func everyRealBodyIsShownAsItWas(_ name: String) throws {
    let body = try Self.body(name)
    let job = try Self.job(from: body)
    let parts = try #require(Self.parts(of: body, keptFor: job))
    let document = JobDocument.whole(job, parts, body: body, order: nil, request: nil)
    let url = try #require(Bundle.module.url(forResource: "Documents/\(name)", withExtension: nil))
    let expected = try Data(contentsOf: url)
    #expect(String(decoding: document, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
  }

  /// A bar may be full before the end, and before a failure.
  @Test(arguments: [
    ("processing", "100%|███| 5/5 [00:01]", 0.99), ("failed", "100%|███| 5/5 [00:01]", 0.99),
    ("canceled", "99999/100000 [00:01]", 0.99), ("processing", "42%|███| 21/50 [00:01]", 0.42),
    ("succeeded", "42%|███| 21/50 [00:01]", 1),
  ])
  func progressIsBelowOneUntilSuccess(_ status: String, _ logs: String, _ progress: Double) throws {
    let body = Array(#"{"id":"p","status":"\#(status)","output":"o","logs":"\#(logs)"}"#.utf8)
    let job = try Self.job(from: body)
    let document = JobDocument.whole(
      job, Self.parts(of: body, keptFor: job), body: body, order: nil, request: nil)
    let object = try #require(JSONSerialization.jsonObject(with: Data(document)) as? [String: Any])
    #expect(object["progress"] as? Double == progress)
  }

  /// Zeros in a stored body are detected wherever they begin.
  ///
  /// A damaged disk returns them.
  @Test(arguments: names)
  func zerosInABodyAreFound(_ name: String) throws {
    let body = try Self.body(name)
    let job = try Self.job(from: body)
    #expect(Self.parts(of: body, keptFor: job) != nil)
    for start in body.indices {
      for length in [1, 16, 4096] {
        var damaged = body
        for index in start..<min(start + length, body.count) { damaged[index] = 0 }
        #expect(Self.parts(of: damaged, keptFor: job) == nil, "\(length) zeros at \(start)")
      }
    }
  }

  @Test(arguments: names)
  func anotherPredictionsBodyIsFound(_ name: String) throws {
    let job = try Self.job(from: Self.body(name))
    let snapshot = try #require(job.snapshot)
    let body = try Self.body(name)
    for (id, status) in [
      (snapshot.predictionID + "x", snapshot.providerStatus),
      (snapshot.predictionID, snapshot.providerStatus + "x"), ("", ""),
    ] {
      #expect(PredictionParts(storedBody: body.span, id: id, status: status) == nil)
    }
  }
}
