import EventStreams
import Foundation
import JobDeletion
import JobsAPI
import Jobs
import Ledger
import Scheduler
import Settings
import SimulatedAPI
import StoreSeam
import Testing
import WebhookIntake
import Workflows

/// The simulated API with workflows, change feed and deletions.
///
/// What Replicate would send is what a test delivers.
enum WorkflowAPI {
  /// - Parameters:
  ///   - settings: environment variables.
  ///   - maxQueued: the maximum of queued orders.
  static func make(
    _ settings: [String: String] = [:], isConfigured: Bool = true, maxQueued: Int = 1000,
    beside others: [any Capability] = []
  ) throws -> SimulatedAPI {
    var reader = SettingsReader(
      variables: ProviderSettings.variables + IntakeSettings.variables, environment: settings
    ) { _ in nil }
    let capabilities: [any Capability] = try reader.read { reader in
      [Workflows(from: &reader), EventStreams(from: &reader), JobDeletion(from: &reader)]
    }
    return try SimulatedAPI(
      capabilities: capabilities + others,
      orders: OrdersEndpoint.Limits(isConfigured: isConfigured, maxBodyBytes: 1 << 20, maxQueued: maxQueued))
  }

  /// Image, upscale, caption.
  static let chain = """
    {"id":"chain","input":{"prompt":"a desk lamp"},"metadata":{"user":"7"},
     "steps":[
      {"name":"image","model":"acme/poster","input":{"prompt":{"$from":"input#/prompt"}}},
      {"name":"upscale","model":"acme/upscaler","input":{"image":{"$from":"image#/0"},"scale":2}},
      {"name":"caption","model":"acme/captioner",
       "input":{"image":{"$from":"upscale"},"prompt":{"$text":["Describe: ",{"$from":"input#/prompt"}]}}}],
     "output":{"file":{"$from":"upscale"},"alt":{"$text":[{"$from":"caption"}]}}}
    """

  /// One step.
  static func one(_ id: String = "one", and members: String = "") -> String {
    let step = #"{"name":"image","model":"acme/poster","input":{"prompt":"two herons"}}"#
    return #"{"id":"\#(id)","steps":[\#(step)]\#(members)}"#
  }
}

extension SimulatedAPI {
  func post(_ path: String, _ body: String? = nil, fields: [String] = []) -> SimulatedResponse {
    send(path, method: "POST", fields: fields, body: body)
  }

  @discardableResult
  func createWorkflow(_ body: String) throws -> [String: Any] {
    let response = post("/workflows", body)
    #expect(response.status == 202, "\(response.text)")
    return try response.object
  }

  func workflow(_ id: String) throws -> [String: Any] { try send("/workflows/\(id)").object }

  /// Sends what is queued, as the scheduler does.
  func sendOrders() throws {
    let now = now
    try commit([
      LedgerWork { (transaction) throws(StorageError) in
        _ = try transaction.claimOrderSteps(at: now, creates: 1000, cancels: 1000, finds: 0, lease: 35_000)
      }
    ])
    settle()
  }

  /// Delivers a state of a workflow's job, whose order is sent before.
  func report(_ job: String, _ status: String = "succeeded", output: String = "null") throws {
    try sendOrders()
    try deliver("p-\(job)", status, output: output, naming: job)
  }

  func states(of workflow: String) throws -> [String] {
    let steps = try self.workflow(workflow)["steps"] as? [[String: Any]] ?? []
    return steps.map { $0["state"] as? String ?? "" }
  }

  /// The ids of all jobs, newest first.
  func jobs() throws -> [String] {
    let jobs = try send("/jobs?limit=500").object["jobs"] as? [[String: Any]] ?? []
    return jobs.map { $0["id"] as? String ?? "" }
  }
}

extension SimulatedResponse {
  var object: [String: Any] {
    get throws {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }
  }

  var code: String? { (try? object)?["code"] as? String }
  var detail: String { (try? object)?["detail"] as? String ?? text }
}

extension [String: Any] {
  var state: String? { self["state"] as? String }
  var error: [String: Any]? { self["error"] as? [String: Any] }
  var steps: [[String: Any]] { self["steps"] as? [[String: Any]] ?? [] }
}
