import Simulation
import WorkflowGraphs

/// A workflow of the simulated app, from its request to the end that the app is shown.
final class AppWorkflow {
  let id: String
  let body: String
  /// Whether the app is notified of its ends.
  let hasCallback: Bool
  /// When the app cancels it, in milliseconds after it was accepted. Nil for never.
  let cancelTime: Int?
  /// How often the app may resume it after an end that is no success.
  let maxResumes: Int
  fileprivate(set) var isAccepted = false
  fileprivate(set) var isEnded = false
  /// When the cancel request was acknowledged, until the next attempt, in milliseconds.
  fileprivate(set) var cancelAcknowledgedAt: Int64?
  /// Whether a cancel request was sent.
  fileprivate(set) var isCancelRequested = false
  fileprivate(set) var shown: ShownWorkflow?
  /// The states in which its attempts have ended.
  fileprivate(set) var ends: [String] = []
  /// How many predictions the steps had that have succeeded before the last attempt.
  fileprivate(set) var kept: [String: Int] = [:]
  fileprivate var resumes = 0
  /// The attempt that the app waits for.
  fileprivate var attempt = 1
  fileprivate var seenRevision = 0
  fileprivate var pause = 1000

  init(id: String, body: String, cancelTime: Int?, maxResumes: Int) {
    (self.id, self.body, self.cancelTime, self.maxResumes) = (id, body, cancelTime, maxResumes)
    hasCallback = body.contains(#""callback":"#)
  }

  /// Whether nothing but its jobs decides its end.
  var isUndisturbed: Bool { !isCancelRequested && resumes == 0 }
}

/// The app, which starts, reads, cancels and resumes workflows.
extension WorkflowSimulation {
  func scheduleWorkflows() {
    for workflow in workflows {
      after(Int.random(in: 0...min(plan.span / 4, 5000), using: &random)) { self.submit(workflow) }
    }
  }

  private func post(_ path: String, _ body: String, onEnd: @escaping (Exchange.Reply?) -> Void) {
    let type = body.isEmpty ? "" : "Content-Type: application/json\r\n"
    let head = "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(type)Content-Length: \(body.utf8.count)\r\n\r\n"
    exchange(Array((head + body).utf8), fault: clientFault()) { [self] reply in
      SimulationLog.write(
        kernel.trueTimeMilliseconds, "\(path): \(reply?.status ?? 0) \(reply?.body.prefix(400) ?? "")")
      onEnd(reply)
    }
  }

  private func again(_ action: @escaping () -> Void) {
    after(Int.random(in: 500...3000, using: &random), action)
  }

  /// Sends the workflow until it is accepted, and sometimes once more.
  private func submit(_ workflow: AppWorkflow) {
    post("/workflows", workflow.body) { [self] reply in
      switch reply?.status {
      case 200, 202:
        guard reply?.body.member("id") == workflow.id else { return fail("a workflow without its id") }
        guard !workflow.isAccepted else { return }
        workflow.isAccepted = true
        counts[.acceptedWorkflow] += 1
        after(workflow.pause) { self.read(workflow) }
        if let time = workflow.cancelTime { after(time) { self.cancel(workflow) } }
        if random.happens(onceIn: 4) {
          after(Int.random(in: 0...5000, using: &random)) { self.submit(workflow) }
        }
      case 408, 503, nil: if !workflow.isAccepted { again { self.submit(workflow) } }
      case .some(let status): fail("a workflow was answered \(status): \(reply?.body ?? "")")
      }
    }
  }

  private func cancel(_ workflow: AppWorkflow) {
    guard workflow.resumes == 0, !isEnding else { return }
    workflow.isCancelRequested = true
    post("/workflows/\(workflow.id)/cancel", "") { [self] reply in
      switch reply?.status {
      case 202:
        counts[.canceledWorkflow] += 1
        if workflow.resumes == 0 { workflow.cancelAcknowledgedAt = kernel.trueTimeMilliseconds }
      // It has ended, perhaps by an earlier request.
      case 200: break
      case 408, 503, nil: again { self.cancel(workflow) }
      case .some(let status): fail("a cancel request was answered \(status): \(reply?.body ?? "")")
      }
    }
  }

  /// Reads the workflow until it has ended.
  private func read(_ workflow: AppWorkflow) {
    let attempt = workflow.attempt
    let request = Array("GET /workflows/\(workflow.id) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    exchange(request, fault: clientFault()) { [self] reply in
      switch reply?.status {
      case 200: if attempt == workflow.attempt { show(reply?.body ?? "", of: workflow) }
      case 408, 503, nil: break
      case .some(let status): fail("workflow \(workflow.id) was answered \(status)")
      }
      guard !workflow.isEnded, attempt == workflow.attempt else { return }
      workflow.pause = min(workflow.pause * 2, 30_000)
      after(workflow.pause) { self.read(workflow) }
    }
  }

  private func show(_ body: String, of workflow: AppWorkflow) {
    guard let revision = body.member("revision").flatMap({ Int($0) }), let state = body.member("state") else {
      return fail("a workflow without revision or state: \(body)")
    }
    counts[.observation] += 1
    let isEnd = ["succeeded", "failed", "canceled"].contains(state)
    if revision < workflow.seenRevision {
      fail("workflow \(workflow.id) went back from \(workflow.seenRevision) to \(revision)")
    }
    workflow.seenRevision = max(workflow.seenRevision, revision)
    guard isEnd, !workflow.isEnded else { return }
    guard let shown = ShownWorkflow(body) else { return fail("no document of a workflow: \(body)") }
    // The answer to a read that was sent before the next attempt began.
    guard shown.attempt >= workflow.attempt else { return }
    workflow.shown = shown
    workflow.isEnded = true
    workflow.ends.append(state)
    SimulationLog.write(kernel.trueTimeMilliseconds, "ended: \(body)")
    guard state != "succeeded", workflow.resumes < workflow.maxResumes else { return }
    workflow.isEnded = false
    noteKept(shown, of: workflow)
    workflow.resumes += 1
    workflow.attempt = shown.attempt + 1
    workflow.cancelAcknowledgedAt = nil
    workflow.pause = 1000
    after(Int.random(in: 0...20_000, using: &random)) { self.resume(workflow) }
  }

  /// Notes what may not be paid for again.
  private func noteKept(_ shown: ShownWorkflow, of workflow: AppWorkflow) {
    for step in shown.steps where step.state == "succeeded" {
      workflow.kept[step.name] = predictionCount(of: step.name, workflow)
    }
  }

  private func resume(_ workflow: AppWorkflow) {
    guard !isEnding else { return }
    account.noteRetry()
    post("/workflows/\(workflow.id)/resume", "") { [self] reply in
      switch reply?.status {
      // An earlier request may have had its effect, and the attempt may have ended since.
      case 200, 202, 409:
        counts[.resumedWorkflow] += 1
        after(workflow.pause) { self.read(workflow) }
      case 408, 503, nil: again { self.resume(workflow) }
      case .some(let status): fail("a resumption was answered \(status): \(reply?.body ?? "")")
      }
    }
  }
}
