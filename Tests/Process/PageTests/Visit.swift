import Browser
import Foundation
import LiveDaemon
import Testing

/// What a page must not do, checked at the end of every visit.
struct PageRules {
  /// Parts of the console's errors that the test provokes, such as `401`.
  var expectedErrors: [String] = []
  /// Origins that may be requested beside that of the page.
  var otherOrigins: [String] = []

  /// Records an issue for each violation.
  func check(_ browser: Browser, of origin: String, _ outside: Tripwire) throws {
    for violation in try browser.policyViolations { Issue.record("the policy blocked \(violation)") }
    // A payload that runs as a script sets this variable, or opens a dialog, which fails the commands here.
    #expect(try browser.run("return window.payloadHasRun === undefined;") as? Bool == true)
    for message in try browser.console where message.isError {
      let isExpected = expectedErrors.contains { message.text.contains($0) }
      if !isExpected { Issue.record("console: \(message)") }
    }
    let origins = [origin] + otherOrigins
    for request in try browser.requests where request.isRemote {
      if !origins.contains(where: { request.url.hasPrefix($0 + "/") }) {
        Issue.record("a request to \(request.url)")
      }
    }
    #expect(outside.connectionCount == 0, "a request left the browser")
  }
}

/// A simulator, a daemon that creates its predictions there, and the daemon's page in the browser.
final class Visit {
  let browser: Browser
  let simulator: LiveSimulator
  private(set) var daemon: Daemon
  /// What pages must not connect to. Payloads name it.
  let outside: Tripwire
  var rules = PageRules()
  private let folder: TemporaryFolder
  private let environment: [String: String]
  private let apiPort: Int

  var origin: String { "http://127.0.0.2:\(apiPort)" }

  /// Makes all that a test of the page needs, runs it, and checks the rules of pages.
  ///
  /// - Parameters:
  ///   - settings: the daemon's settings, beside those that point to the simulator.
  ///   - simulated: the simulator's arguments.
  static func run(
    _ settings: [String: String] = [:], simulated: [String] = [], _ body: (Visit) throws -> Void
  ) throws {
    let visit = try Visit(settings, simulated)
    try body(visit)
    try visit.rules.check(visit.browser, of: visit.origin, visit.outside)
  }

  private init(_ settings: [String: String], _ simulated: [String]) throws {
    let ports = try FreePorts.choose(3)
    simulator = try LiveSimulator(on: ports[0], ["--duration", "50ms"] + simulated)
    apiPort = ports[1]
    environment = [
      "REPLICATE_API_TOKEN": "r8_of_a_stand_in", "REPLICATE_API_URL": simulator.url,
      "PUBLIC_URL": "http://127.0.0.1:\(ports[2])", "WEBHOOK_LISTEN": "127.0.0.1:\(ports[2])",
      "API_LISTEN": "127.0.0.2:\(apiPort)", "CREATES_PER_MINUTE": "60000", "LOG_LEVEL": "notice",
    ].merging(settings) { $1 }
    folder = try TemporaryFolder()
    daemon = try Daemon(in: folder, environment: environment)
    outside = try Tripwire()
    browser = try Browser.shared()
    rules.otherOrigins = [simulator.url]
    try browser.reset()
  }

  /// Opens a view of the page, such as `?state=failed`.
  func open(_ query: String = "") throws { try browser.open("\(origin)/\(query)") }

  /// Opens the view of one job.
  func openJob(_ id: String) throws {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-_.")
    try open("?job=" + (id.addingPercentEncoding(withAllowedCharacters: allowed) ?? id))
  }

  // MARK: The daemon

  func stopDaemon() { #expect(daemon.stop() == 0) }

  /// Starts the daemon again, on the same ports.
  func startDaemon(_ changes: [String: String] = [:]) throws {
    daemon = try Daemon(in: folder, environment: environment.merging(changes) { $1 })
  }

  /// Creates a job.
  ///
  /// - Parameters:
  ///   - simulate: what the simulator makes of it: `output`, `end`, `error`, `logs`, `duration_ms`.
  func submit(
    _ id: String, model: String = "demo/hello", input: [String: Any] = ["prompt": "a desk lamp"],
    simulate: [String: Any] = [:], metadata: [String: Any] = [:], _ members: [String: Any] = [:],
    token: String? = nil
  ) throws {
    var input = input
    if !simulate.isEmpty { input["simulate"] = simulate }
    var job: [String: Any] = ["id": id, "model": model, "input": input]
    if !metadata.isEmpty { job["metadata"] = metadata }
    job.merge(members) { $1 }
    let body = String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
    var fields = ["Content-Type: application/json"]
    if let token { fields.append("Authorization: Bearer \(token)") }
    let answer = try daemon.post(body, fields: fields)
    guard answer.status == 202 else { throw Unusable("no job was made: \(answer.status) \(answer.text)") }
  }

  /// Waits until a job is in one of `states`.
  func await(_ id: String, in states: Set<String> = ["succeeded", "failed", "canceled"]) throws {
    try browser.wait(for: "\(id) in \(states.sorted())", seconds: 30) {
      states.contains(try daemon.job(id)["state"] as? String ?? "")
    }
  }

  /// Sends a delivery of a prediction that the daemon did not create.
  func deliver(_ prediction: [String: Any], message: String = UUID().uuidString) throws {
    let body = try JSONSerialization.data(withJSONObject: prediction)
    let answer = try daemon.post(SignedDelivery(id: message, body: Array(body)))
    guard answer.status == 200 else { throw Unusable("refused: \(answer.status) \(answer.text)") }
  }

  /// Waits until the page shows `text`.
  func awaitText(_ text: String) throws {
    try browser.wait(for: "the text \(text)") { try browser.text.contains(text) }
  }
}
