import Foundation
import StandardWebhooks
import Testing

@testable import webhook_bench

@Suite struct WorkloadTests {
  private static func make(_ change: (inout Workload.Recipe) -> Void = { _ in }) throws -> Workload {
    var recipe = Workload.Recipe(deliveries: 3000, bodyBytes: 2500, seed: 7)
    change(&recipe)
    return try Workload(recipe, to: Endpoint("http://127.0.0.1:1/w"), signedWith: .generate())
  }

  /// The head and the body of a request.
  private static func parts(_ workload: Workload, _ number: Int) -> (head: String, body: String) {
    let text = workload.requests.text(of: number)
    let end = text.range(of: "\r\n\r\n") ?? text.endIndex..<text.endIndex
    return (String(text[..<end.lowerBound]), String(text[end.upperBound...]))
  }

  @Test(arguments: [Identifiers.Order.random, .sequential])
  func sameSeedMakesSameWorkload(_ order: Identifiers.Order) throws {
    func make(_ seed: UInt64) throws -> Workload {
      try Self.make { recipe in
        Scenario.lifecycle.adjust(&recipe)
        (recipe.duplicatePercent, recipe.badSignaturePercent) = (30, 10)
        (recipe.seed, recipe.order) = (seed, order)
      }
    }
    let (first, second, other) = (try make(1), try make(1), try make(2))
    #expect(first.sends == second.sends && first.deliveries == second.deliveries)
    #expect(first.sends != other.sends && first.jobID(0) != other.jobID(0))
    for number in [0, 1, 700] {
      let ids = [first, second].map {
        Self.parts($0, number).head.split(separator: "\r\n").first { $0.hasPrefix("webhook-id") }
      }
      #expect(ids[0] == ids[1] && ids[0] != nil)
    }
  }

  /// Each batch ends all of its jobs; ids are unique across batches.
  @Test func everyJobOfABatchReachesItsEnd() throws {
    let pieces = try [0, 700].map { first in
      try Self.make { recipe in
        (recipe.deliveries, recipe.deliveriesPerJob, recipe.jobs) = (2100, 3...3, 700)
        (recipe.firstJob, recipe.firstDelivery) = (first, 3 * first)
      }
    }
    for piece in pieces {
      #expect(piece.jobCount == 700 && piece.sends.count == 2100)
      let jobs = Dictionary(grouping: piece.deliveries, by: \.job)
      #expect(
        jobs.count == 700
          && jobs.values.allSatisfy { $0.map(\.status.state).first == "pending" && $0.count == 3 })
      #expect(jobs.values.allSatisfy { $0.last.map { $0.status.rank > 1 } == true })
    }
    let ids = pieces.flatMap { piece in (0..<2100).map(piece.deliveryID) + (0..<700).map(piece.jobID) }
    #expect(Set(ids).count == 2 * 2800)
  }

  @Test(arguments: [Identifiers.Order.random, .sequential])
  func idsAreUnique(_ order: Identifiers.Order) {
    let identifiers = Identifiers(seed: 3, order: order)
    let ids = (0..<50_000).flatMap { [identifiers.job($0), identifiers.delivery($0)] }
    #expect(Set(ids).count == 100_000)
    #expect(ids.allSatisfy { $0.utf8.count == ($0.hasPrefix("msg_") ? 28 : 26) })
    let jobs = (0..<2000).map(identifiers.job)
    #expect((jobs == jobs.sorted()) == (order == .sequential))
  }

  /// Sizes include those around which logs or members are omitted.
  @Test(arguments: [460, 461, 500, 1498, 1499, 1500, 1501, 1999, 2500, 60_000, 900_000])
  func bodiesAreJSONOfRequestedSize(_ size: Int) throws {
    let bodies = PredictionBody(maxBytes: 900_000, now: 1_764_000_000)
    for status in [PredictionBody.Status.starting, .processing, .succeeded, .failed, .canceled] {
      let id = String(repeating: "a", count: 26)
      let body = bodies.make(id: id, status: status, size: size, seed: 123_456)
      let object = try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
      #expect(object["id"] as? String == id && object["status"] as? String == status.word)
      #expect(body.count == size, "\(status)")
    }
  }

  @Test func logsOfEveryLengthAreValid() throws {
    let bodies = PredictionBody(maxBytes: 2500, now: 1_764_000_000)
    for size in 1600...1800 {
      let body = bodies.make(id: "a", status: .succeeded, size: size, seed: 1)
      #expect(body.count == size)
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(body)) }
    }
  }

  @Test func lifecycleRunsInOrderFromStartToEnd() throws {
    let workload = try Self.make(Scenario.lifecycle.adjust)
    var histories: [Int: [PredictionBody.Status]] = [:]
    for number in workload.sends {
      let delivery = workload.deliveries[Int(number)]
      histories[delivery.job, default: []].append(delivery.status)
    }
    let ended = histories.values.filter { $0.last?.rank == 2 }
    #expect(ended.count > 50 && histories.count == workload.jobCount)
    for history in histories.values {
      #expect(history.first == .starting && history.count <= 20)
      #expect(history.map(\.rank) == history.map(\.rank).sorted())
      #expect(history.count { $0.rank == 2 } <= 1)
    }
    #expect(ended.allSatisfy { $0.count >= 2 })
  }

  @Test func duplicateRepeatsEarlierDelivery() throws {
    let workload = try Self.make { $0.duplicatePercent = 30 }
    #expect(workload.sends.count == 3000)
    let repeats = workload.sends.count - Set(workload.sends).count
    #expect((750...1050).contains(repeats), "\(repeats)")
    var seen: Set<UInt32> = []
    for number in workload.sends {
      // A new delivery has the next number.
      #expect(seen.contains(number) || Int(number) == seen.count)
      seen.insert(number)
    }
  }

  @Test func tenPercentOfSignaturesAreInvalid() throws {
    let secret = Secret.generate()
    var recipe = Workload.Recipe(deliveries: 2000, bodyBytes: 600, seed: 1)
    recipe.badSignaturePercent = 10
    let workload = try Workload(recipe, to: Endpoint("http://127.0.0.1:1/w"), signedWith: secret)
    let bad = workload.deliveries.count { !$0.isSigned }
    #expect((140...260).contains(bad), "\(bad)")
    for number in 0..<100 {
      let (head, body) = Self.parts(workload, number)
      let fields = Dictionary(
        head.split(separator: "\r\n").dropFirst().map { line in
          let parts = line.split(separator: ":", maxSplits: 1)
          return (String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces))
        }, uniquingKeysWith: { first, _ in first })
      let signature = Signer.sign(
        id: try #require(fields["webhook-id"]), timestamp: try #require(fields["webhook-timestamp"]),
        body: Array(body.utf8).span, with: secret)
      #expect((signature == fields["webhook-signature"]) == workload.deliveries[number].isSigned)
      #expect(fields["Content-Length"] == String(body.utf8.count))
    }
  }
}
