import OutgoingDeliveries
import Testing

@Suite struct JobEventTests {
  private typealias Kind = JobEvent.Kind

  /// The events of one job that comes again and again.
  private static func events(
    _ rows: [(state: String, revision: String)], sending optional: Set<JobEvent.Kind> = []
  ) -> [JobEvent.Kind] {
    var filter = JobEventFilter(sending: optional)
    return rows.compactMap { filter.event(of: "j1", state: $0.state, revision: $0.revision)?.kind }
  }

  private static let life = [
    ("pending", "0"), ("pending", "1"), ("running", "2"), ("running", "2"), ("running", "3"), ("stale", "3"),
    ("stale", "3"), ("running", "4"), ("running", "5"), ("succeeded", "6"), ("succeeded", "6"),
    ("failed", "7"), ("progress", "8"), ("a state of another version", "9"),
  ]

  @Test func `an event is a change of state, not of anything else`() {
    #expect(Self.events(Self.life) == [.stale, .succeeded, .failed])
    #expect(Self.events(Self.life, sending: [.running]) == [.running, .stale, .running, .succeeded, .failed])
    #expect(
      Self.events(Self.life, sending: [.progress]) == [.progress, .stale, .progress, .succeeded, .failed])
    #expect(
      Self.events(Self.life, sending: [.running, .progress])
        == [.running, .progress, .stale, .running, .progress, .succeeded, .failed])
  }

  @Test func `the oldest jobs are forgotten`() {
    var filter = JobEventFilter(sending: [], maxJobs: 4)
    func isNew(_ job: Int) -> Bool { filter.event(of: "j\(job)", state: "failed", revision: "1") != nil }
    #expect((0..<4).allSatisfy(isNew))
    #expect(!(0..<4).contains(where: isNew))
    #expect(isNew(4) && isNew(0) && isNew(1))
    #expect(!isNew(4) && isNew(3))
  }

  @Test func `an event has one id, without a dot`() {
    let event = JobEvent(.failed, of: "a.b", revision: "3")
    #expect(event.webhookID == JobEvent(.failed, of: "a.b", revision: "3").webhookID)
    #expect(!event.webhookID.contains(".") && event.webhookID.count < 64)
    let others = [
      JobEvent(.canceled, of: "a.b", revision: "3"), JobEvent(.failed, of: "a.c", revision: "3"),
      JobEvent(.failed, of: "a.b", revision: "4"),
    ]
    #expect(!others.map(\.webhookID).contains(event.webhookID))
  }

  @Test(arguments: ["", "\n"])
  func `the body has the type, the time and the job`(_ end: String) {
    let event = JobEvent(.succeeded, of: "j1", revision: "1")
    let body = event.body(time: "2026-11-30T14:00:00.000Z", document: Array(#"{"id":"j1"}\#(end)"#.utf8))
    #expect(
      String(decoding: body, as: UTF8.self)
        == #"{"type":"job.succeeded","timestamp":"2026-11-30T14:00:00.000Z","data":{"id":"j1"}}"#)
  }
}
