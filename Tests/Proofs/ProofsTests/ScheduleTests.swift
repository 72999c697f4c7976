import Testing

@testable import Proofs

/// The load has the shape that its documentation states.
@Suite struct ScheduleTests {
  private static func events(_ count: Int, seed: UInt64) -> [Event] {
    var schedule = Schedule(seed: seed)
    return (0..<count).map { _ in schedule.next() }
  }

  @Test func aSeedDecidesIt() {
    #expect(Self.events(1000, seed: 3) == Self.events(1000, seed: 3))
    #expect(Self.events(1000, seed: 3) != Self.events(1000, seed: 4))
  }

  @Test func aboutThreeOfTenSendsRepeatAnEarlierOne() {
    let events = Self.events(10_000, seed: 1)
    let repeats = events.count - Set(events.map(\.webhookID)).count
    #expect((2500...3500).contains(repeats))
  }

  @Test func livesAreWholeInterleavedAndOutOfOrder() {
    var schedule = Schedule(seed: 2)
    var lives: [[Report]] = []
    var steps: [Int: [Int]] = [:]
    var changes = 0
    var last = -1
    for _ in 0..<20_000 {
      let event = schedule.next()
      lives += schedule.takeBegun()
      #expect(lives[event.job][event.step] == event.report)
      changes += event.job == last ? 0 : 1
      last = event.job
      if steps[event.job]?.contains(event.step) != true { steps[event.job, default: []].append(event.step) }
    }
    #expect(changes > 19_000)
    #expect(lives.allSatisfy { (2...20).contains($0.count) && $0[0] == .starting })
    let ended = steps.filter { $0.value.count == lives[$0.key].count }
    #expect(ended.count > 1000)
    #expect(ended.values.count { $0 != $0.sorted() } > ended.count / 4)
  }

  @Test func rowsOfTestsAreSummedUp() throws {
    let line = #"{"fault":"power cut","acknowledged":3,"lost":0,"appliedTwice":0}"#
    let rows = try Row.sums(of: "\(line)\n\(line)\n")
    #expect(rows.count == 1 && rows[0].rounds == 2 && rows[0].acknowledged == 6 && rows[0].isProven)
    #expect(try !Row.sums(of: line.replacing(#""lost":0"#, with: #""lost":1"#))[0].isProven)
    #expect(!Row("nothing was done").isProven)
  }
}
