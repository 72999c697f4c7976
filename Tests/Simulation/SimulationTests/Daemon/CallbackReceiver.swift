import HTTPClient
import Simulation
@testable import Time

/// The app's side of callbacks: it fails by its plan, and records what it accepts.
///
/// After ``end`` it accepts everything.
final class CallbackReceiver {
  /// A callback that the app has accepted.
  struct Event: Equatable {
    let id: String
    let type: String
    /// The job's id.
    let job: String
    let timestamp: String

    var isEnd: Bool { ["job.succeeded", "job.failed", "job.canceled"].contains(type) }
  }

  /// What may go wrong with a try.
  private enum Fault: CaseIterable {
    case unreachable, slow, serverError, redirect, earlyClose
    /// It is accepted, and answered after the daemon has given up.
    case lateAnswer
    /// It is accepted, and the answer is lost.
    case lostAnswer
  }

  private let kernel: SimulatedKernel
  private var random: SeededGenerator
  private let start: Int64
  /// Until when there are faults, in milliseconds after the start.
  private let end: Int
  /// One of so many tries has a fault. 0: none.
  private let faultsOnceIn: Int
  /// When it is down.
  private let outage: Range<Int>
  private(set) var accepted: [Event] = []
  private(set) var tries = 0
  private(set) var counts = Counts()
  /// The first violation that it has seen.
  private(set) var problem: String?

  init(kernel: SimulatedKernel, seed: UInt64, end: Int) {
    self.kernel = kernel
    self.end = end
    start = kernel.trueTimeMilliseconds
    random = SeededGenerator(seed: seed ^ 0xCA11)
    faultsOnceIn = random.happens(onceIn: 3) ? 0 : Int.random(in: 1...4, using: &random)
    let from = Int.random(in: 0...end, using: &random)
    outage = random.happens(onceIn: 3) ? from..<end : 0..<0
  }

  /// Receives a try, and replies once.
  func receive(_ request: HTTPClientRequest, reply: @escaping (Account.Reply) -> Bool) {
    tries += 1
    let time = Int(kernel.trueTimeMilliseconds - start)
    let isFaulty = time < end && faultsOnceIn > 0 && random.happens(onceIn: faultsOnceIn)
    let fault =
      outage.contains(time) ? .unreachable : isFaulty ? Fault.allCases.randomElement(using: &random) : nil
    if fault != nil { counts[.callbackFault] += 1 }
    let delay = Int.random(in: 1...50, using: &random)
    SimulationLog.write(
      kernel.trueTimeMilliseconds,
      "callback \(String(decoding: (request.body ?? []).prefix(140), as: UTF8.self)): "
        + (fault.map { "\($0)" } ?? "accepted"))
    switch fault {
    case .unreachable: after(delay) { _ = reply(.failure(.unsent("refused"))) }
    case .slow: after(60_000) { _ = reply(.success(HTTPClientResponse(status: 200))) }
    case .serverError: after(delay) { _ = reply(.success(HTTPClientResponse(status: 500))) }
    case .redirect: after(delay) { _ = reply(.success(HTTPClientResponse(status: 307))) }
    case .earlyClose: after(delay) { _ = reply(.failure(.unanswered("reset"))) }
    case .lostAnswer:
      after(delay) { [self] in accept(request) }
      after(delay + 1) { _ = reply(.failure(.unanswered("reset"))) }
    case .lateAnswer:
      after(delay) { [self] in accept(request) }
      after(30_000) { _ = reply(.success(HTTPClientResponse(status: 200))) }
    case nil:
      after(delay) { [self] in
        accept(request)
        _ = reply(.success(HTTPClientResponse(status: 200)))
      }
    }
  }

  private func after(_ milliseconds: Int, _ action: @escaping () -> Void) {
    kernel.after(.milliseconds(milliseconds), action)
  }

  private func accept(_ request: HTTPClientRequest) {
    let body = String(decoding: request.body ?? [], as: UTF8.self)
    let fields = request.fields.first { $0.hasPrefix("webhook-id: ") } ?? ""
    guard let type = body.member("type"), let time = body.member("timestamp"), let job = body.member("id"),
      request.fields.contains(where: { $0.hasPrefix("webhook-signature: v1,") })
    else {
      problem = problem ?? "a callback without its parts: \(body)"
      return
    }
    counts[.callback] += 1
    accepted.append(Event(id: String(fields.dropFirst(12)), type: type, job: job, timestamp: time))
  }

  /// How many events of a subject were accepted, repetitions not counted.
  func eventCount(of id: String) -> Int { Set(accepted.filter { $0.job == id }.map(\.id)).count }

  func hasEnd(ofJob id: String) -> Bool { accepted.contains { $0.isEnd && $0.job == id } }
}

// MARK: - Checks

extension CallbackReceiver {
  /// A violation of the order of a job's events, or of their ids. Nil where there is none.
  func violation() -> String? {
    if let problem { return problem }
    var events: [String: Event] = [:]
    for event in accepted {
      if let known = events[event.id], known != event {
        return "the callbacks \(known) and \(event) have one id"
      }
      events[event.id] = event
    }
    for (job, sent) in Dictionary(grouping: accepted, by: \.job).sorted(by: { $0.key < $1.key }) {
      // A repeat of the newest event is allowed, a return to an older one is not.
      let runs = sent.enumerated().count { $0.offset == 0 || sent[$0.offset - 1].id != $0.element.id }
      if runs != Set(sent.map(\.id)).count { return "the callbacks of \(job) are out of order: \(sent)" }
    }
    return nil
  }

  /// The type of the last end that was accepted for a job.
  func lastEnd(ofJob id: String) -> String? { accepted.last { $0.isEnd && $0.job == id }?.type }
}
