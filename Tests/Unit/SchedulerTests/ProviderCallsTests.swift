import HTTPWire
import Jobs
import StoreSeam
import Replicate
import SQLiteStore
import Testing

/// The handling of one answer.
///
/// The store is real, and the answers scripted.
@Suite struct ProviderCallsTests {
  private static let problem = #"{"detail":"The requested resource could not be found.","status":404}"#
  private static let page = "<html><title>Log in to the network</title></html>"

  /// One 404 problem document or page does not end an order.
  @Test(
    arguments: [
      (.notFound, problem, [.notFound]), (.notFound, page, []), (.notFound, "", []), (.badRequest, page, []),
      (.paymentRequired, page, []), (.forbidden, page, []), (.unprocessableContent, page, []),
      (.ok, page, []),
    ] as [(Status, String, [DeliveryOutcome])])
  func `neither a page nor a single 404 ends an order`(
    _ status: Status, _ body: String, _ rows: [DeliveryOutcome]
  ) throws {
    let desk = try Desk { _ in (status, body) }
    try desk.create("a")
    #expect(try desk.job("a").state == .pending)
    #expect(try desk.order("a").stage == (status == .ok ? .unanswered : .queued))
    #expect(try desk.history("a").map(\.outcome) == rows)
  }

  @Test(
    arguments: [
      (.unprocessableContent, #"{"detail":"Input validation failed"}"#, "invalid_input"),
      (.unprocessableContent, #"{"detail":[{"loc":["input"],"msg":"required"}]}"#, "invalid_input"),
    ] as [(Status, String, String)])
  func `a problem document ends an order`(_ status: Status, _ body: String, _ code: String) throws {
    let desk = try Desk { _ in (status, body) }
    try desk.create("a")
    #expect(try desk.job("a").error?.code == code)
    #expect(try desk.history("a").map(\.source) == [.daemon])
  }

  /// An answer with another job's prediction counts as lost. The search finds the prediction.
  @Test func `an answer with another job's prediction starts a search`() throws {
    let desk = try Desk { _ in (.created, #"{"id":"p1","status":"starting"}"#) }
    try desk.create("a")
    #expect(try desk.job("a").snapshot?.predictionID == "p1" && desk.order("a").stage == .submitted)
    try desk.create("b")
    #expect(try desk.job("b").snapshot == nil && desk.order("b").stage == .unanswered)
    #expect(try desk.order("b").dueAt != nil && desk.order("b").absenceConclusiveAt != nil)
    #expect(try desk.history("b").isEmpty && desk.job("a").state == .pending)
  }

  /// That prediction may not be known yet.
  @Test func `an answer whose webhook names another job starts a search`() throws {
    let token = JobToken(key: Array(repeating: 7, count: 32))
    let url = try #require(token.webhookURL(publicURL: "https://h.example", jobID: "b"))
    let desk = try Desk { _ in (.created, #"{"id":"p2","status":"starting","webhook":"\#(url)"}"#) }
    try desk.create("a")
    #expect(try desk.job("a").snapshot == nil && desk.order("a").stage == .unanswered)
    try desk.create("b")
    #expect(try desk.job("b").snapshot?.predictionID == "p2" && desk.order("b").stage == .submitted)
  }

  @Test(
    arguments: [(.notFound, problem, [.notFound]), (.notFound, page, [])]
      as [(Status, String, [DeliveryOutcome])])
  func `a 404 of a poll ends nothing`(_ status: Status, _ body: String, _ rows: [DeliveryOutcome]) throws {
    let desk = try Desk { request in
      request == "POST /v1/models/owner/model/predictions"
        ? (.created, #"{"id":"p1","status":"starting"}"#) : (status, body)
    }
    try desk.create("a")
    try desk.poll("p1")
    #expect(try desk.job("a").state == .pending)
    #expect(try desk.history("a").map(\.outcome) == [.applied] + rows)
    // A prediction that was created here is no training.
    #expect(desk.requests.filter { $0.contains("trainings") }.isEmpty)
  }

  /// A prediction's route may not know a training.
  ///
  /// A body does not show which it is.
  @Test func `a job from a delivery is polled as a training too`() throws {
    let desk = try Desk { request in
      switch request {
      case "GET /v1/trainings/t1": (.ok, #"{"id":"t1","status":"succeeded","output":{"version":"x"}}"#)
      case "POST /v1/trainings/t2/cancel": (.ok, #"{"id":"t2","status":"canceled"}"#)
      default: (.notFound, Self.problem)
      }
    }
    for id in ["t1", "t2", "t3"] { try desk.deliver(#"{"id":"\#(id)","status":"processing"}"#) }
    try desk.poll("t1")
    #expect(try desk.job("t1").state == .succeeded)
    try desk.cancel("t2")
    #expect(try desk.job("t2").state == .canceled)
    // An id that neither route knows counts once.
    try desk.poll("t3")
    #expect(try desk.history("t3").map(\.outcome) == [.applied, .notFound])
    #expect(desk.requests.suffix(2) == ["GET /v1/predictions/t3", "GET /v1/trainings/t3"])
  }

  @Test func `a training that was found once is polled by one call`() throws {
    let desk = try Desk { request in
      request == "GET /v1/trainings/t1"
        ? (.ok, #"{"id":"t1","status":"processing"}"#) : (.notFound, Self.problem)
    }
    for id in ["t1", "p2"] { try desk.deliver(#"{"id":"\#(id)","status":"starting"}"#) }
    for id in ["t1", "t1", "p2"] { try desk.poll(id) }
    #expect(
      desk.requests == [
        "GET /v1/predictions/t1", "GET /v1/trainings/t1", "GET /v1/trainings/t1", "GET /v1/predictions/p2",
        "GET /v1/trainings/p2",
      ])
  }

  /// The cancellation is retried, because the prediction may run, and cost.
  @Test(
    arguments: [
      (.notFound, problem), (.notFound, page), (.conflict, problem), (.unprocessableContent, problem),
      (.internalServerError, ""),
    ]
      as [(Status, String)])
  func `a rejected cancel is retried`(_ status: Status, _ body: String) throws {
    let desk = try Desk { request in
      request.hasSuffix("/cancel") ? (status, body) : (.created, #"{"id":"p1","status":"starting"}"#)
    }
    try desk.create("a")
    try desk.cancel("a")
    #expect(try desk.job("a").state == .pending)
    #expect(try desk.order("a").stage == .submitted && desk.order("a").dueAt != nil)
  }

  /// Replicate's late answer: the end counts, and known data is kept.
  @Test func `an erased prediction keeps its known data`() throws {
    let desk = try Desk { request in
      request.hasPrefix("POST")
        ? (
          .created, #"{"id":"p1","status":"processing","input":{"prompt":"cat"},"output":null,"logs":"12%"}"#
        )
        : (
          .ok,
          #"{"id":"p1","status":"succeeded","input":{},"output":null,"logs":null,"data_removed":true}"#
        )
    }
    try desk.create("a")
    try desk.poll("p1")
    let stored = try desk.stored("a")
    #expect(stored.job.state == .succeeded && stored.job.snapshot?.evidence.logsSize == 5)
    #expect(
      String(decoding: stored.body, as: UTF8.self)
        == #"{"id":"p1","status":"succeeded","input":{"prompt":"cat"},"output":null,"#
        + #""logs":"12%","data_removed":true}"#
    )
    // `check` compares the digest of the body.
    #expect(try desk.damagedBodies() == 0)
    // The history has the digest of the body as it was received.
    #expect(try desk.history("a").last?.digest != stored.job.snapshot?.evidence.digest)
    #expect(try desk.document("a").contains(#""data_removed":true"#))
  }

  /// Only the request was known.
  @Test func `an erased input comes from the request`() throws {
    let desk = try Desk { _ in
      (
        .created,
        #"{"id":"p1","status":"succeeded","input":{},"output":null,"logs":null,"data_removed":true}"#
      )
    }
    try desk.create("a")
    let document = try desk.document("a")
    #expect(document.contains(#""state":"succeeded""#) && document.contains(#""data_removed":true"#))
    #expect(document.contains(#""input":{"prompt":"cat"}"#) && !document.contains(#""output""#))
  }
}
