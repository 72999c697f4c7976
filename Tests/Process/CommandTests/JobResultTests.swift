import Console
import EventLoop
import Testing
@testable import Time

@testable import replicate_webhookd

/// The output and the exit status of commands that follow a job.
@Suite struct JobResultTests {
  private func job(_ text: String) throws -> JSONDocument {
    try #require(JSONDocument(Array(text.utf8)))
  }

  @Test(arguments: [
    (#""a\nb""#, "a\nb"), (#""""#, ""), ("[]", "[]"), ("{\"a\": 1.50}", "{\"a\": 1.50}"), ("1.50", "1.50"),
    ("null", "null"), (#"["https://a/1.png","http://b/2.png"]"#, "https://a/1.png\nhttp://b/2.png"),
    (#"["data:a,b"]"#, "data:a,b"), (#"["a"," b",""]"#, "a b"),
    (#"["https://a"," is it"]"#, "https://a is it"),
    (#"["https://a/x y"]"#, "https://a/x y"), (#"["see ","https://a"]"#, "see https://a"),
    (#"["a", 1]"#, #"["a", 1]"#), (#"[["a"]]"#, #"[["a"]]"#), (#""\u001b[2J\tx""#, "\u{1B}[2J\tx"),
  ])
  func theOutputIsPrinted(_ output: String, _ text: String) throws {
    let job = try job(#"{"id":"j","state":"succeeded","output":\#(output)}"#)
    #expect(JobResult(job: job).output == text)
  }

  @Test(arguments: [
    (#"{"id":"j","state":"succeeded"}"#, nil, ""),
    (
      #"{"id":"j","state":"failed","error":{"code":"oom","message":"no\nmemory"}}"#, 1,
      "j failed: oom: no·memory"
    ),
    (#"{"id":"j","state":"failed","error":{"code":"oom"}}"#, 1, "j failed: oom"),
    (#"{"id":"j","state":"failed"}"#, 1, "j failed"),
    (#"{"id":"j","state":"canceled"}"#, 2, "j was canceled"),
    (#"{"id":"j","state":"canceled","error":{"code":"aborted"}}"#, 2, "j was canceled: aborted"),
  ])
  func theEndIsAnExitStatus(_ document: String, _ status: Int32?, _ words: String) throws {
    let failure = try JobResult(job: job(document)).failure
    #expect(failure?.code.rawValue == status)
    #expect((failure?.description ?? "") == words)
  }

  @Test(arguments: [
    ("pending", false), ("running", false), ("stale", false), ("tomorrow", false), ("succeeded", true),
    ("failed", true), ("canceled", true),
  ])
  func onlyEndsEnd(_ state: String, _ hasEnded: Bool) throws {
    #expect(JobResult.hasEnded(try job(#"{"state":"\#(state)"}"#)) == hasEnded)
  }

  @Test(arguments: [
    (#"{"state":"running"}"#, "running"), (#"{"state":"running","progress":0.29}"#, "running  29 %"),
    (#"{"state":"running","progress":1}"#, "running  100 %"),
    (#"{"state":"running","progress":7e9}"#, "running"),
    (#"{"state":"running","progress":-1}"#, "running"), (#"{"state":"a\u001b"}"#, "a·"), ("{}", "unknown"),
  ])
  func progressIsWords(_ document: String, _ words: String) throws {
    #expect(JobProgress.summary(of: try job(document)) == words)
  }

  @Test func usageIsTwoTables() throws {
    let text = JobTable.usage(
      try job(
        #"""
        {"usage":[{"day":"2026-11-02","model":"a/b","succeeded":12,"failed":0,"canceled":1,
         "predict_seconds":1.50,"queue_seconds":0.250,"run_seconds":3.000},
         {"day":"2026-11-02","succeeded":1}],
         "days":[{"day":"2026-11-02","succeeded":13,"failed":0,"canceled":1,"lost_webhooks":1,
         "lost_share":0.0714}]}
        """#))
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").joined(separator: " ")
    }
    #expect(
      rows == [
        "DAY MODEL SUCCEEDED FAILED CANCELED PREDICT S QUEUE S RUN S",
        "2026-11-02 a/b 12 0 1 1.50 0.250 3.000", "2026-11-02 - 1 - - - - -", "",
        "DAY SUCCEEDED FAILED CANCELED LOST WEBHOOKS LOST SHARE", "2026-11-02 13 0 1 1 0.0714",
      ])
    #expect(try JobTable.usage(job(#"{"days":[],"usage":[]}"#)) == "no jobs ended in these days")
  }

  @Test func `groups of usage are a table with its next page`() throws {
    let text = JobTable.usageGroups(
      try job(
        #"""
        {"group_by":"metadata.user","groups":[{"value":"7\u001b","succeeded":1,"failed":0,"canceled":2,
         "predict_seconds":1.500,"queue_seconds":0.250,"run_seconds":3.000}],"next":"4.8"}
        """#))
    let rows = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(
      rows == [
        "VALUE SUCCEEDED FAILED CANCELED PREDICT S QUEUE S RUN S", "7· 1 0 2 1.500 0.250 3.000",
        "more: --after '4.8'",
      ])
    #expect(try JobTable.usageGroups(job(#"{"groups":[]}"#)).hasPrefix("no jobs"))
  }

  @Test func `a list of jobs shows their progress`() throws {
    let text = JobTable.list(
      try job(#"{"jobs":[{"id":"a","state":"running","progress":0.4200},{"id":"b"}]}"#))
    let rows = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    #expect(rows == ["ID STATE PROGRESS STATUS MODEL UPDATED", "a running 42 % - - -", "b - - - - -"])
  }

  /// An outage, and whether it is tolerated.
  ///
  /// The seconds since the last answer (nil: none), and whether the API is unavailable.
  @Test(arguments: [
    (nil, true, false), (0, true, true), (59, true, true), (60, true, false), (0, false, false),
  ])
  func anOutageIsToleratedForAMinute(_ seconds: Int?, _ isUnavailable: Bool, _ isTolerated: Bool) {
    var outage = OutageTolerance()
    let beginning = MonotonicTime(nanoseconds: 5)
    if seconds != nil { outage.noteResponse(at: beginning) }
    let failure = CommandFailure("x", code: isUnavailable ? .unavailable : .failure)
    let isThrown = (try? outage.tolerate(failure, at: beginning + .seconds(seconds ?? 0))) == nil
    #expect(isThrown != isTolerated)
  }

  @Test func aWatchShowsWhatIsNew() throws {
    var watch = JobsWatch(
      "/jobs", of: try JobsAPIClient(base: "http://127.0.0.1:1", token: nil) { false }, isTable: false)
    let (a1, b1, b2) = (#"{"id":"a","revision":1}"#, #"{"id":"b","revision":1}"#, #"{"id":"b","revision":2}"#)
    func changes(_ jobs: [String]) throws -> String {
      String(decoding: watch.changes(in: try jobs.map(job)), as: UTF8.self)
    }
    #expect(try changes([b1, a1]) == "\(a1)\n\(b1)\n")
    #expect(try changes([b1, a1]) == "")
    #expect(try changes([b2, a1]) == "\(b2)\n")
    #expect(try changes([b2, "{}"]) == "")
  }
}
