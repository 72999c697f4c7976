import Jobs
import Testing

@Suite struct JobStateTests {
  /// The initializer is written by hand.
  @Test(arguments: Phase.allCases)
  func aPhaseIsReadFromItsName(_ phase: Phase) {
    #expect(Phase(rawValue: phase.rawValue) == phase)
  }

  @Test(arguments: ["", "stale", "Pending", "running ", "succeede", "failed\u{0}"])
  func noOtherTextIsAPhase(_ text: String) {
    #expect(Phase(rawValue: text) == nil)
  }
}
