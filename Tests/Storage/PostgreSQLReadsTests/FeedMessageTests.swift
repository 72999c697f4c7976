import StoreSeam
import Testing

@testable import PostgreSQLReads

/// What notifications carry.
@Suite struct FeedMessageTests {
  private static func change(_ number: Int64, isDeleted: Bool = false) -> CommittedChange {
    CommittedChange(number: number, id: "", change: number << 40, isDeleted: isDeleted)
  }

  private static func received(_ payloads: [String]) -> [CommittedChange] {
    payloads.flatMap { payload -> [CommittedChange] in
      guard case .changes(let changes) = FeedMessage(payload: payload) else { return [] }
      return changes
    }
  }

  @Test func `changes are received as they were sent`() {
    let changes = [Self.change(1), Self.change(7, isDeleted: true), Self.change(1 << 20)]
    #expect(Self.received(FeedMessage.payloads(of: changes)) == changes)
    #expect(FeedMessage.payloads(of: []).isEmpty)
  }

  /// PostgreSQL's limit is 8,000 bytes.
  @Test func `a payload is bounded, and the rest follows in others`() {
    let changes = (1...Int64(FeedMessage.maxJobs)).map { number in
      CommittedChange(number: .max - number, id: "", change: .max - number, isDeleted: number % 2 == 0)
    }
    let payloads = FeedMessage.payloads(of: changes)
    #expect(payloads.count > 1 && payloads.allSatisfy { $0.utf8.count < 8000 })
    #expect(Self.received(payloads) == changes)
  }

  @Test func `too many changes are not listed`() {
    let changes = (1...Int64(FeedMessage.maxJobs) + 1).map { Self.change($0) }
    let payloads = FeedMessage.payloads(of: changes)
    #expect(payloads.map { FeedMessage(payload: $0) } == [.many])
  }

  @Test(arguments: [
    "", "1", "2 1:2", "1 1", "1 1:", "1 :2", "1 1:2:3", "1 0:5", "1 5:0", "1 -1:5", "1 1:2--",
    "1 99999999999999999999:1", "1 a:b", "hello", "1 1:2 x", "1 1:2-- 3:4",
  ])
  func `a payload of another program is dropped`(_ payload: String) {
    #expect(FeedMessage(payload: payload) == nil)
  }
}
