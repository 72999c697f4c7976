internal import Foundation
internal import LiveDaemon

/// Threads that read event streams: each of one job after another, and one of all.
final class StreamReaders: Sendable {
  struct Counts {
    var events = 0
    var reconnects = 0
    /// Streams that were answered 204 after their job's end.
    var ended = 0
  }

  private struct State {
    var apiPort = 0
    var mustStop = false
    var counts = Counts()
    /// Every job, as `/events` has shown it last.
    var mirror: [String: JobDocument] = [:]
    /// What each stream of one job has shown last: two streams of one job are not in step.
    var shown: [Int: JobDocument] = [:]
    var watchedStreams = 0
    /// Jobs whose stream has ended.
    var ended: Set<String> = []
    var problems: [String] = []
  }

  private static let watchers = 12
  /// How many of the newest jobs are watched.
  private static let recentJobs = 64
  private static let maxProblems = 20

  private let ledger: Ledger
  private let state = Guarded(State())

  init(of ledger: Ledger) {
    self.ledger = ledger
    Thread.detachNewThread { self.mirror() }
    for _ in 0..<Self.watchers { Thread.detachNewThread { self.watch() } }
  }

  /// The port of the present daemon.
  var apiPort: Int {
    get { state.withLock(\.apiPort) }
    set { state.withLock { $0.apiPort = newValue } }
  }

  var counts: Counts { state.withLock(\.counts) }
  var problems: [String] { state.withLock(\.problems) }

  func stop() { state.withLock { $0.mustStop = true } }

  private var isOver: Bool { state.withLock(\.mustStop) }

  // MARK: - The check

  /// What readers have not been shown of the store's jobs.
  func violations(of documents: [String: JobDocument]) -> [String] {
    state.withLock { state in
      Self.violations(documents, mirror: state.mirror, shown: state.shown.values, ended: state.ended)
    }
  }

  static func violations(
    _ documents: [String: JobDocument], mirror: [String: JobDocument], shown: some Sequence<JobDocument>,
    ended: Set<String>
  ) -> [String] {
    var violations: [String] = []
    for (id, document) in documents.sorted(by: { $0.key < $1.key }) {
      if mirror[id] != document {
        violations.append("\(id) is \(document), and /events has shown \(mirror[id] as Any)")
      }
    }
    for last in shown.sorted(by: { $0.id < $1.id }) where documents[last.id] != last {
      violations.append("\(last.id) is \(documents[last.id] as Any), and a stream of it has shown \(last)")
    }
    violations += mirror.keys.filter { documents[$0] == nil }.sorted().map {
      "/events has shown \($0), which is gone"
    }
    violations += ended.filter { id in !Report.ends.contains { $0.state == documents[id]?.state } }.sorted()
      .map {
        "the stream of \($0) has ended before its job"
      }
    return Array(violations.prefix(maxProblems))
  }

  private func note(_ document: JobDocument, in slot: WritableKeyPath<State, JobDocument?>) {
    state.withLock { state in
      state.counts.events += 1
      if let earlier = state[keyPath: slot], earlier.revision > document.revision,
        state.problems.count < Self.maxProblems
      {
        state.problems.append("\(document.id) went back from \(earlier) to \(document)")
      }
      state[keyPath: slot] = document
    }
  }

  // MARK: - Threads

  private func mirror() {
    var stream = EventStream("/events")
    while !isOver {
      let status = read(&stream) { event in
        guard event.name == "job" else {
          return noteProblem("/events has sent \(event.name)")
        }
        let document = try JobDocument.decode(event.data)
        note(document, in: \.mirror[document.id])
      }
      if let status, status != 200, status != 503 { noteProblem("/events was answered \(status)") }
    }
  }

  private func watch() {
    while !isOver {
      guard let job = ledger.recentJob(Int.random(in: 0..<Self.recentJobs)) else {
        poll(nil, 0, 20)
        continue
      }
      watch(Event.jobID(job))
    }
  }

  private func watch(_ id: String) {
    var stream = EventStream("/jobs/\(id)/events")
    let number = state.withLock { state in
      state.watchedStreams += 1
      return state.watchedStreams
    }
    while !isOver {
      let status = read(&stream) { event in
        note(try JobDocument.decode(event.data), in: \.shown[number])
      }
      switch status {
      case 204:
        state.withLock {
          $0.ended.insert(id)
          $0.counts.ended += 1
        }
        return
      // No delivery of it was recorded yet.
      case 404: return
      case nil, 200, 503: continue
      case .some(let status): return noteProblem("the stream of \(id) was answered \(status)")
      }
    }
  }

  private func noteProblem(_ problem: String) {
    state.withLock { if $0.problems.count < Self.maxProblems { $0.problems.append(problem) } }
  }

  /// Reads one response to its end, and returns its status; nil without one.
  private func read(_ stream: inout EventStream, _ observer: (EventStream.Event) throws -> Void) -> Int? {
    state.withLock { $0.counts.reconnects += 1 }
    do {
      let connection = try HTTPConnection(host: "127.0.0.2", port: apiPort, timeoutSeconds: 1)
      try connection.send(stream.request)
      while true {
        let bytes: [UInt8]
        do { bytes = try connection.receiveSome() } catch let error as HTTPConnection.Broken {
          // A quiet stream is left after the end only.
          guard error.isTimeout, !isOver else { break }
          continue
        }
        guard try stream.consume(bytes, observer) else { break }
      }
    } catch {
      // No daemon listens, or it was killed.
      poll(nil, 0, 20)
    }
    return stream.takeStatus()
  }
}
