import Daemon
import FaultyDisk
import HTTPClient
import JobsAPI
import Scheduler
@testable import Settings
import Simulation
import StandardWebhooks
@testable import Time
import WorkflowGraphs

/// Workflows between an app and a provider, on a machine that fails, driven by a seed.
class WorkflowSimulation: DaemonSimulation {
  private(set) var workflows: [AppWorkflow] = []
  /// The jobs whose predictions were created, by their numbers.
  private(set) var jobs: [WorkflowJob] = []
  private var numbers: [String: Int] = [:]
  /// Returns what a job is to send and to end with; nil for a job that may not be.
  private let script: (String) -> JobScript?

  override var maxSteps: Int { 400_000 }

  init(
    seed: UInt64, plan: DaemonPlan, workflows: [AppWorkflow], script: @escaping (String) -> JobScript?,
    disk: MemoryDisk, database: [UInt8], signing: Signing, random: SeededGenerator
  ) {
    self.script = script
    super.init(
      seed: seed, plan: plan, orders: [], holdsEnds: false, disk: disk, database: database,
      signing: signing, random: random)
    self.workflows = workflows
    account.identify = { [unowned self] in self.number(of: $0) }
    account.check = { [unowned self] in self.violation(of: $0, $1) }
    account.planEnd = { [unowned self] in self.jobs[$0].script.end(after: $1) }
  }

  /// Callbacks are sent to URLs of workflows alone, because those of each job would be most of the run.
  ///
  /// Each life of the daemon has its own, because they keep timers and what was read.
  private static func makeCapabilities() throws -> [any Capability] {
    var reader = SettingsReader(
      variables: DaemonSettings.variables,
      environment: [
        "REPLICATE_WEBHOOK_SECRET": Signing.secretText, "DATABASE_URL": "sqlite:unset",
        "CALLBACK_HOSTS": "app.example.com,app.example",
      ]
    ) { _ in nil }
    return try reader.read(DaemonSettings.init).capabilities
  }

  override func adjust(_ settings: inout DaemonSettings) {
    super.adjust(&settings)
    if let capabilities = try? Self.makeCapabilities() { settings.capabilities = capabilities }
    settings.provider.publicURL = "https://hooks.example.com"
  }

  /// No backup is restored, because an app cannot know what of a workflow that has forgotten.
  override func noteEndOfLife() {}
  override func pollStreamReaders() {}

  override func run() {
    scheduleWorkflows()
    scheduleMachineFaults()
    for (time, offset) in plan.clockSteps {
      after(time) { [kernel] in
        let ahead = kernel.wallTimeMilliseconds - kernel.trueTimeMilliseconds
        kernel.stepWallClock(byMilliseconds: offset - ahead)
      }
    }
    after(plan.span) { self.disk.heal() }
    start()
    step(until: { self.isSettled || self.isOverdue }, orElse: "nothing comes to an end")
    if let reason = account.problem { fail(reason) }
    if problem == nil, !isSettled { fail("\(waiting) waits past its deadline") }
    end()
    counts = counts + account.counts + callbacks.counts
  }
}

// MARK: - Its course

extension WorkflowSimulation {
  private var isSettled: Bool {
    !isFaulty && isServing && exchanges.isEmpty && openDeliveries == 0 && workflows.allSatisfy(\.isEnded)
      && account.predictions.allSatisfy(\.isEnded) && isNotified
      && (kernel.trueTimeMilliseconds - account.changedAt > 60_000 || account.problem != nil)
  }

  /// Whether the app has received the ends that it was shown.
  private var isNotified: Bool {
    workflows.allSatisfy { workflow in
      !workflow.hasCallback || callbacks.eventCount(of: workflow.id) >= workflow.shown?.attempt ?? 0
    }
  }

  private var isOverdue: Bool {
    account.problem != nil || kernel.trueTimeMilliseconds - account.changedAt > Int64(plan.span) + 900_000
  }

  private var waiting: String {
    if let workflow = workflows.first(where: { !$0.isEnded }) { return "workflow \(workflow.id)" }
    if !isNotified { return "a callback" }
    return openDeliveries > 0 ? "a delivery" : "the daemon"
  }
}

// MARK: - What the provider is sent

/// How a job is to be created, and how its predictions end.
struct JobScript {
  /// The input, byte for byte. Nil where no check is made.
  let input: String?
  let retries: Int
  /// How many of its predictions the platform interrupts.
  let interruptions: Int
  /// Nil for a failure.
  let output: String?

  func end(after earlier: Int) -> RemotePrediction.Change {
    if earlier < interruptions { return .ends(.isInterrupted) }
    return output.map { .outputs($0) } ?? .ends(.fails)
  }
}

/// A job of which the provider was sent a create call.
struct WorkflowJob {
  let id: String
  let script: JobScript

  /// The step that the id `w-<workflow>-<step>-<item>-<attempt>` names.
  var step: String { id.split(separator: "-").dropFirst(2).first.map(String.init) ?? "" }
  var workflow: String { id.split(separator: "-").dropFirst().first.map(String.init) ?? "" }
  /// Without the attempt.
  var place: Graph.Place? { Graph.Place(ofJob: id) }
}

extension Graph.Place {
  init?(ofJob id: String) {
    let parts = id.split(separator: "-").map(String.init)
    guard parts.count >= 5, let item = Int(parts[3]) else { return nil }
    let fallback = parts.count > 5 ? Int(parts[5].dropFirst()) ?? -1 : 0
    self.init(step: parts[2], item: item, fallback: fallback)
  }
}

extension WorkflowSimulation {
  /// The job that a create call names in its webhook's URL.
  private func number(of request: HTTPClientRequest) -> Int? {
    guard request.method == .post, let bytes = request.body else { return nil }
    let body = String(decoding: bytes, as: UTF8.self)
    guard let mark = body.firstRange(of: "?job=") else { return nil }
    let id = String(body[mark.upperBound...].prefix { $0 != "." })
    if let number = numbers[id] { return number }
    guard let script = script(id) else {
      fail("job \(id) is created, and no evaluation needs it")
      return nil
    }
    numbers[id] = jobs.count
    account.retries[jobs.count] = script.retries
    jobs.append(WorkflowJob(id: id, script: script))
    return jobs.count - 1
  }

  private func violation(of number: Int, _ request: HTTPClientRequest) -> String? {
    let job = jobs[number]
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    if let input = job.script.input, !body.contains(#""input":\#(input)"#) {
      return "job \(job.id) is created with \(body), and its input is \(input)"
    }
    // A call that was claimed before the request may be made soon after it.
    let workflow = workflows.first { $0.id == job.workflow }
    if let moment = workflow?.cancelAcknowledgedAt, kernel.trueTimeMilliseconds > moment + 1000 {
      return "job \(job.id) is created after its workflow was canceled"
    }
    return nil
  }

  func predictionCount(of step: String, _ workflow: AppWorkflow) -> Int {
    account.predictions.count { prediction in
      prediction.order.map { jobs[$0].step == step && jobs[$0].workflow == workflow.id } ?? false
    }
  }
}
