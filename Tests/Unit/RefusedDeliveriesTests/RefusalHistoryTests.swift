import ClientAddress
import Foundation
@testable import RefusedRequests
@testable import RefusedDeliveries
import Testing
import Time

@Suite struct RefusalHistoryTests {
  private static let start = Timestamp(unixSeconds: 1_796_047_200)

  private static func refusal(
    _ code: String = "missing_signature", id: String? = nil, seconds: Int64? = nil
  ) -> RefusedRequest {
    RefusedRequest(
      code: code, reason: "a reason", status: 401, client: .unixSocket,
      request: .init(
        method: "POST", path: "/webhooks/replicate", route: "webhook", webhookID: id, webhookSeconds: seconds,
        bytes: 2), token: nil,
      mayBeDelivery: true)
  }

  private static func ids(_ refusals: [RecordedRefusal]) -> [String] {
    refusals.map { $0.refused.request?.webhookID ?? "-" }
  }

  @Test func `the newest come first, by code and after an id`() throws {
    let history = RefusalHistory()
    for (id, code) in [("a", "signature_mismatch"), ("b", "not_found"), ("c", "signature_mismatch")] {
      history.note(Self.refusal(code, id: id), at: Self.start)
    }
    let all = history.newest(9, code: nil, newerThan: 0)
    #expect(Self.ids(all.refusals) == ["c", "b", "a"] && all.count == 3)
    #expect(Self.ids(history.newest(2, code: nil, newerThan: 0).refusals) == ["c", "b"])
    #expect(Self.ids(history.newest(9, code: "signature_mismatch", newerThan: 0).refusals) == ["c", "a"])
    let middle = all.refusals[1].id
    #expect(Self.ids(history.newest(9, code: nil, newerThan: middle).refusals) == ["c"])
    #expect(history.newest(9, code: nil, newerThan: all.refusals[0].id).refusals.isEmpty)
  }

  @Test func `other requests evict no delivery from its half`() {
    let history = RefusalHistory()
    for number in 0..<600 { history.note(Self.refusal(id: "\(number)"), at: Self.start) }
    for _ in 0..<3000 { history.note(Self.refusal(), at: Self.start) }
    let (refusals, count) = history.newest(5000, code: nil, newerThan: 0)
    #expect(count == 3600 && refusals.count == RefusalHistory.capacity)
    let identified = Self.ids(refusals).filter { $0 != "-" }
    #expect(identified == (100..<600).reversed().map(String.init))
  }

  @Test func `deliveries evict no other request from its half`() {
    let history = RefusalHistory()
    for _ in 0..<700 { history.note(Self.refusal(), at: Self.start) }
    for number in 0..<2000 { history.note(Self.refusal(id: "\(number)"), at: Self.start) }
    let ids = Self.ids(history.newest(5000, code: nil, newerThan: 0).refusals)
    #expect(ids.count == RefusalHistory.capacity && ids.count { $0 == "-" } == 500)
    #expect(ids.first == "1999")
  }

  @Test func `ids grow, also where the clock is set back`() {
    let history = RefusalHistory()
    for offset in [0, 1000, -86_400_000, 0] as [Int64] {
      history.note(Self.refusal(), at: Self.start.advanced(byMilliseconds: offset))
    }
    let ids = history.newest(9, code: nil, newerThan: 0).refusals.map(\.id)
    #expect(ids.count == 4 && zip(ids, ids.dropFirst()).allSatisfy { $0 > $1 })
    // JavaScript reads integers exactly up to 2^53.
    #expect(ids.allSatisfy { $0 < 1 << 53 })
  }

  @Test(
    arguments: [
      ("timestamp_out_of_range", -400, ("ahead", 400)), ("timestamp_out_of_range", 400, ("behind", -400)),
      ("timestamp_out_of_range", nil, nil), ("signature_mismatch", -400, nil),
    ] as [(String, Int64?, (String, Int)?)])
  func `the document shows the difference of clocks, if the signature held`(
    _ code: String, _ offset: Int64?, _ expected: (clock: String, seconds: Int)?
  ) throws {
    let history = RefusalHistory()
    let sent = offset.map { Self.start.milliseconds / 1000 + $0 }
    history.note(Self.refusal(code, id: "m", seconds: sent), at: Self.start)
    let (refusals, count) = history.newest(9, code: nil, newerThan: 0)
    let bytes = RefusalsDocument.render(refusals, count: count)
    let document = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    let row = try #require((document["refusals"] as? [[String: Any]])?.first)
    #expect(row["clock"] as? String == expected?.clock)
    #expect(row["clock_difference_seconds"] as? Int == expected?.seconds)
    #expect(document["count"] as? Int == 1 && row["code"] as? String == code && row["status"] as? Int == 401)
    #expect(row["path"] as? String == "/webhooks/replicate" && row["bytes"] as? Int == 2)
    #expect(row["received_at"] as? String == "2026-11-30T14:00:00.000Z" && row["client"] != nil)
  }
}
