import Foundation
import JSONText
import Jobs
@testable import Replicate
import Samples
import Testing

/// Real bodies; long ones are abridged.
enum Payload: String, CaseIterable {
  case officialModel = "01-webhook-succeeded-string-output-official-model"
  case arrayOfURLs = "02-succeeded-array-of-urls"
  case documentedStart = "03-starting-docs"
  case created = "04-create-201-starting"
  case processing = "05-processing"
  case escapedLogs = "06-succeeded-get-sdxl-go-encoder"
  case canceled = "08-canceled"
  case tokens = "09-succeeded-llm-token-array"
  case object = "11-succeeded-object-output"
  case arrayOfObjects = "12-succeeded-array-of-objects"
  case plainString = "15-succeeded-plain-string"
  case trainingStart = "17-training-starting"
  case trainingRuns = "18-training-processing"
  case trainingDone = "20-training-succeeded"
  case documentedFull = "21-docs-get-prediction-full"
  case failed = "22-failed"
  case aborted = "24-aborted"

  var phase: Phase {
    switch self {
    case .documentedStart, .created, .trainingStart: .pending
    case .processing, .trainingRuns: .running
    case .canceled, .aborted: .canceled
    case .failed: .failed
    default: .succeeded
    }
  }

  func body() throws -> [UInt8] {
    let url = try #require(Bundle.module.url(forResource: "Payloads/\(rawValue)", withExtension: "json"))
    return Array(try Data(contentsOf: url))
  }
}

@Suite struct PayloadTests {
  @Test(arguments: Payload.allCases)
  func everyRealBodyBecomesASnapshot(_ payload: Payload) throws {
    let body = try payload.body()
    let prediction = try Prediction(body: body.span)
    let snapshot = prediction.snapshot(digest: .repeating(0))
    let reference = try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    #expect(snapshot.phase == payload.phase)
    #expect(snapshot.predictionID == reference["id"] as? String)
    #expect(snapshot.providerStatus == reference["status"] as? String)
    #expect(snapshot.model == reference["model"] as? String)
    #expect(snapshot.modelVersion == reference["version"] as? String)
    for (name, time) in [
      ("created_at", snapshot.createdAt), ("started_at", snapshot.startedAt),
      ("completed_at", snapshot.completedAt),
    ] {
      #expect((time != nil) == (reference[name] is String), "\(name)")
    }
  }

  @Test(arguments: Payload.allCases)
  func `parts are slices with the same meaning`(_ payload: Payload) throws {
    let body = try payload.body()
    let prediction = try Prediction(body: body.span)
    let reference = try #require(JSONSerialization.jsonObject(with: Data(body)) as? NSDictionary)
    for (name, value) in [
      ("input", prediction.input), ("output", prediction.output), ("metrics", prediction.metrics),
      ("logs", prediction.logs),
    ] {
      let expected = reference[name].flatMap { $0 is NSNull ? nil : $0 as? NSObject }
      #expect((value != nil) == (expected != nil), "\(name)")
      guard let value else { continue }
      let parsed = try JSONSerialization.jsonObject(with: Data(body[value.range]), options: .fragmentsAllowed)
      #expect(parsed as? NSObject == expected, "\(name)")
    }
  }

  @Test func anAbortedPredictionHasItsErrorCode() throws {
    let body = try Payload.aborted.body()
    #expect(
      try Prediction(body: body.span).snapshot(digest: .repeating(0)).error?.code == "aborted")
  }
}
