internal import Foundation
internal import LiveDaemon

/// Threads that send what a ledger tells them to, each on a connection that it keeps, and threads that read meanwhile.
/// They go on through every failure.
final class Load: Sendable {
  private struct State {
    var mustStop = false
    var running: Int
    var clockOffset = 0
    /// Microseconds from a send to its 200.
    var latencies: [UInt32] = []
  }

  static let senders = 16
  static let readers = 3
  /// So many jobs are read while they may change.
  private static let recentJobs = 300

  private let ledger: Ledger
  private let webhookPort: Int
  private let apiPort: Int
  private let state: Guarded<State>

  init(on daemon: Daemon, ledger: Ledger, readers: Int = Load.readers, clockOffset: Int = 0) {
    self.ledger = ledger
    webhookPort = daemon.webhookPort
    apiPort = daemon.apiPort
    state = Guarded(State(running: Self.senders + readers, clockOffset: clockOffset))
    for _ in 0..<Self.senders { Thread.detachNewThread { self.work(self.send) } }
    for _ in 0..<readers { Thread.detachNewThread { self.work(self.read) } }
  }

  /// How many seconds the daemon's clock is ahead of ours.
  func setClockOffset(_ seconds: Int) { state.withLock { $0.clockOffset = seconds } }

  /// Microseconds from send to 200, of all since this was last asked.
  func takeLatencies() -> [UInt32] {
    state.withLock { state in
      defer { state.latencies.removeAll(keepingCapacity: true) }
      return state.latencies
    }
  }

  func stop() throws {
    state.withLock { $0.mustStop = true }
    // The longest wait of a thread is the patience of its connection.
    for _ in 0..<30_000 {
      if state.withLock({ $0.running == 0 }) { return }
      poll(nil, 0, 5)
    }
    throw Unusable("the load does not end")
  }

  private var isOver: Bool { state.withLock(\.mustStop) }

  /// Until the end, again and again, also after what it throws.
  private func work(_ round: (inout HTTPConnection?) throws -> Void) {
    var connection: HTTPConnection?
    while !isOver {
      do {
        try round(&connection)
      } catch {
        connection = nil
        poll(nil, 0, 5)
      }
    }
    state.withLock { $0.running -= 1 }
  }
}

// MARK: - One round

extension Load {
  private static let patience = 120

  private func send(_ kept: inout HTTPConnection?) throws {
    let connection = try kept ?? HTTPConnection(host: "127.0.0.1", port: webhookPort, patience: Self.patience)
    kept = connection
    let event = ledger.next()
    let delivery = try SignedDelivery(
      id: event.webhookID, body: event.body, age: -state.withLock(\.clockOffset))
    let start = ContinuousClock.now
    let answer: (status: Int, body: [UInt8])
    do {
      try connection.send(delivery.request)
      answer = try connection.receiveStatusAndBody()
    } catch {
      ledger.noteSilence(after: event)
      throw error
    }
    let microseconds = (ContinuousClock.now - start).milliseconds * 1000
    ledger.note(answer.status, isDuplicate: Self.saysDuplicate(answer.body), to: event, sentAt: start)
    if answer.status == 200 {
      state.withLock { $0.latencies.append(UInt32(min(microseconds, 4e9))) }
    } else {
      // A refusal may end the connection. The next attempt comes sooner than Retry-After asks for.
      kept = nil
      poll(nil, 0, 20)
    }
  }

  static func saysDuplicate(_ body: [UInt8]) -> Bool {
    String(decoding: body, as: UTF8.self).contains(#""duplicate":true"#)
  }

  private func read(_ kept: inout HTTPConnection?) throws {
    let connection = try kept ?? HTTPConnection(host: "127.0.0.2", port: apiPort, patience: Self.patience)
    kept = connection
    if Int.random(in: 0..<4) == 0 {
      let floors = ledger.floors(ofNewest: Self.recentJobs)
      let answer = try connection.get("/jobs?limit=50")
      guard answer.status == 200 else { throw Unusable("answered \(answer.status)") }
      for document in try JobPage.decode(answer.body).jobs {
        if let (job, floor) = floors[document.id] { ledger.note(document, of: job, above: floor) }
      }
    } else if let job = ledger.recentJob(Int.random(in: 0..<Self.recentJobs)) {
      let floor = ledger.floor(of: job)
      let answer = try connection.get("/jobs/\(Event.jobID(job))")
      guard answer.status == 200 || answer.status == 404 else { throw Unusable("answered \(answer.status)") }
      let document = answer.status == 200 ? try JobDocument.decode(answer.body) : nil
      ledger.note(document, of: job, above: floor)
    }
  }
}

extension HTTPConnection {
  /// Asks the jobs API of a daemon on this machine.
  func get(_ path: String) throws -> (status: Int, body: [UInt8]) {
    try send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    return try receiveStatusAndBody()
  }
}

extension Duration {
  var milliseconds: Double { self / .milliseconds(1) }
}
