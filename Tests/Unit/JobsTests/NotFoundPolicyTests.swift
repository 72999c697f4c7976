import Jobs
import Testing
@testable import Time

@Suite struct NotFoundPolicyTests {
  private static let minute: Int64 = 60_000

  /// The minutes of the 404s, the last of which is now.
  @Test(
    arguments: [
      ([], false), ([0], false), ([0, 1, 2, 5], true), ([0, 5], false), ([0, 1, 2, 4], false),
      ([0, 1, 2, 3, 4], false), ([0, 1, 2, 3, 4, 5], true), ([0, 60, 120], false), ([0, 60, 120, 180], true),
      // The clock was an hour ahead, so those 404s do not count.
      ([60, 61, 62, 63, 0], false), ([60, 0, 1, 2, 3], false), ([60, 0, 1, 2, 5], true),
    ] as [([Int64], Bool)])
  func provingAbsenceTakesSeveral404sOverMinutes(_ minutes: [Int64], _ isMet: Bool) {
    let moments = minutes.map { Timestamp(milliseconds: $0 * Self.minute) }
    let now = moments.last ?? Timestamp(milliseconds: 0)
    #expect(NotFoundPolicy.prediction.isMet(by: moments, at: now) == isMet)
  }

  @Test func createCallsBackOffUpToAMinute() {
    #expect(
      [0, 1, 2, 3, 4, 99].map(NotFoundPolicy.creationPause) == [10, 10, 20, 40, 60, 60].map { $0 * 1000 })
    // One call at once and one after each delay: the fifth is the last.
    var (moments, now) = ([Timestamp(milliseconds: 0)], Timestamp(milliseconds: 0))
    while !NotFoundPolicy.creation.isMet(by: moments, at: now), moments.count < 99 {
      now = now.advanced(byMilliseconds: NotFoundPolicy.creationPause(afterAnswers: moments.count))
      moments.append(now)
    }
    #expect(moments.count == 5 && now == Timestamp(milliseconds: 130_000))
  }
}
