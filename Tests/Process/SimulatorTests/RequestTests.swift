import HTTPWire
import Testing
import Time

@testable import replicate_simulator

/// Parsing of requests, and the rejection of invalid ones.
@Suite struct RequestTests {
  private func problem(
    _ body: String, to endpoint: CreateRequest.Endpoint = .predictions
  ) -> APIProblem? {
    let bytes = Array(body.utf8)
    do throws(APIProblem) {
      _ = try CreateRequest(bytes.span, to: endpoint)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    (#"{"version":"a/b"}"#, 422, "- input: input is required\n"),
    (#"{"version":"a/b","input":null}"#, 422, "- input: input is required\n"),
    (#"{"version":"a/b","input":[]}"#, 422, "- input: must be an object\n"),
    (#"{"input":{}}"#, 422, "- version: version is required\n"),
    (#"{"version":"a/b","input":{},"foo":1}"#, 422, "- foo: Additional property foo is not allowed\n"),
    (#"{"version":"a/b","input":{},"webhook":"ftp://a"}"#, 422, "- webhook: Invalid webhook URL\n"),
    (#"{"version":"a/b","input":{},"webhook":"http://"}"#, 422, "- webhook: Invalid webhook URL\n"),
    (#"{"version":"a/b","input":{},"webhook":"http://a b"}"#, 422, "- webhook: Invalid webhook URL\n"),
    (#"{"version":"a/b","input":{},"webhook":7}"#, 422, "- webhook: Invalid webhook URL\n"),
    (
      #"{"version":"a/b","input":{},"webhook_events_filter":["end"]}"#, 422,
      "- webhook_events_filter: must be an array of any of start, output, logs, completed\n"
    ),
    (#"{"version":"a/b","input":{"simulate":1}}"#, 422, "- input.simulate: must be an object\n"),
  ])
  func rejectionsNameFieldAndReason(_ body: String, _ status: Int, _ detail: String) {
    let problem = problem(body)
    #expect(problem?.status.code == status && problem?.detail == detail)
  }

  @Test(arguments: [
    #"{"end":"late"}"#, #"{"end":1}"#, #"{"error":1}"#, #"{"queue_ms":-1}"#, #"{"duration_ms":3600001}"#,
    #"{"duration_ms":1.5}"#, #"{"other":1}"#,
  ])
  func rejectsUnknownOverrides(_ simulate: String) {
    #expect(problem(#"{"version":"a/b","input":{"simulate":\#(simulate)}}"#)?.status.code == 422)
  }

  @Test(arguments: ["", "[]", "{", "7", "{\"input\":{}}x"])
  func rejectsBodiesThatAreNoObject(_ body: String) {
    #expect(problem(body)?.status.code == 400)
  }

  @Test(arguments: [
    "x", "a/b/c", "a/", "/b", "a/b:1", "missing/model", "a b/c", String(repeating: "G", count: 64),
  ])
  func rejectsUnknownVersions(_ version: String) {
    #expect(problem(#"{"version":"\#(version)","input":{}}"#) == .invalidVersion)
  }

  @Test func missingModelsAreNotFound() throws {
    let model = try #require(ModelName(owner: "missing", name: "x"))
    #expect(problem(#"{"input":{}}"#, to: .model(model)) == .notFound)
    #expect(problem(#"{"input":{}}"#, to: .deployment(model)) == .notFound)
  }

  @Test func modelEndpointRejectsVersion() throws {
    let model = try #require(ModelName(owner: "a", name: "b"))
    #expect(problem(#"{"input":{},"version":"a/b"}"#, to: .model(model))?.status.code == 422)
  }

  @Test func versionResolvesToItsModel() throws {
    for model in Models.builtIn.names {
      #expect(try #require(VersionReference(model.version)).model == model)
      #expect(try #require(VersionReference("\(model):\(model.version)")).version == model.version)
      #expect(try #require(VersionReference("\(model)")).version == "hidden")
    }
    #expect(Set(Models.builtIn.names.map(\.version)).count == Preset.all.count)
    let unknown = String(repeating: "0a", count: 32)
    #expect(try "\(#require(VersionReference(unknown)).model)" == Preset.standard)
  }

  @Test(arguments: [
    ("30", 30_000), ("30s", 30_000), ("5m", 300_000), ("1h30m45s", 5_445_000), ("250ms", 250), ("0s", 0),
  ])
  func parsesDurations(_ text: String, _ milliseconds: Int) {
    #expect(DurationFormat.cancelAfter.parse(text) == .milliseconds(milliseconds))
  }

  @Test(arguments: ["", "s", "-1s", "1.5s", "1 s", "1d", "10s5", "9999999999s", "999h", "１s"])
  func rejectsInvalidDurations(_ text: String) {
    #expect(DurationFormat.cancelAfter.parse(text) == nil)
    #expect(DurationArgument(argument: text) == nil)
  }

  /// Replicate's header field accepts seconds without a unit; an option does not.
  @Test(arguments: ["30", "0"])
  func durationOptionNeedsUnit(_ text: String) {
    #expect(DurationFormat.cancelAfter.parse(text) != nil && DurationArgument(argument: text) == nil)
    #expect(DurationArgument(argument: text + "s") != nil)
  }

  /// Without `data:`, a line would be another field and get lost.
  @Test func everyLineOfAPieceIsData() {
    let event = Provider.event("output", 1, "a\r\nb\rc\nd")
    #expect(event == "event: output\nid: 1\ndata: a\ndata: b\ndata: c\ndata: d\n\n")
  }

  @Test(arguments: [
    ("wait", 60), ("wait=5", 5), ("respond-async, wait=60", 60), ("wait=\"7\"", 7), ("respond-async", nil),
  ])
  func parsesPreference(_ prefer: String, _ seconds: Int?) throws {
    let bytes = Array(#"{"version":"a/b","input":{}}"#.utf8)
    var request = try CreateRequest(bytes.span, to: .predictions)
    try request.apply(prefer: prefer, cancelAfter: nil)
    #expect(request.wait == seconds.map { .seconds($0) })
  }

  @Test(
    arguments: [
      ("wait=0", nil), ("wait=61", nil), ("wait=x", nil), (nil, "4s"), (nil, "soon"),
    ] as [(String?, String?)])
  func rejectsPreferencesOutOfBounds(_ prefer: String?, _ cancelAfter: String?) throws {
    let bytes = Array(#"{"version":"a/b","input":{}}"#.utf8)
    var request = try CreateRequest(bytes.span, to: .predictions)
    do throws(APIProblem) {
      try request.apply(prefer: prefer, cancelAfter: cancelAfter)
      #expect(Bool(false), "it was accepted")
    } catch {
      #expect(error.status.code == 422)
    }
  }

  @Test(arguments: [
    ("GET", "v1/predictions", 200), ("POST", "v1/predictions", 200), ("POST", "v1/predictions/", 200),
    ("GET", "v1/predictions/x", 200), ("POST", "v1/predictions/x", 405),
    ("POST", "v1/predictions/x/cancel", 200),
    ("GET", "v1/predictions/x/cancel", 405), ("POST", "v1/models/a/b/predictions", 200),
    ("POST", "v1/deployments/a/b/predictions", 200), ("GET", "v1/models/a/b/versions/c", 200),
    ("GET", "v1/webhooks/default/secret", 200), ("HEAD", "v1/account", 200), ("DELETE", "v1/account", 405),
    ("GET", "simulator/predictions", 200), ("GET", "xezq/key/out-0.png", 200),
    ("HEAD", "xezq/key/out-0.png", 200),
    ("POST", "xezq/key/out-0.png", 405), ("GET", "xezq/key", 404), ("GET", "v1/xezq/key/out-0.png", 404),
    ("GET", "v1", 404), ("GET", "", 404), ("GET", "v1/models/a", 404),
    ("GET", "v1/models/a b/c", 404), ("POST", "v1/models/a/b/other", 404), ("GET", "v2/predictions", 404),
  ])
  func matchesPathsAndMethods(_ method: String, _ path: String, _ status: Int) {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    do throws(APIProblem) {
      _ = try APIRoute(Method(method), segments)
      #expect(status == 200)
    } catch {
      #expect(error.status.code == status)
    }
  }
}
