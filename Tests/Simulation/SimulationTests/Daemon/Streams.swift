import Simulation
@testable import Time

/// The state of one job as a stream has shown it.
struct ShownJob: Equatable {
  let state: String
  let revision: Int
}

/// A reader of one job's stream.
final class JobStream {
  let order: AppOrder
  let reader: EventReader
  fileprivate(set) var shown: ShownJob?

  init(_ order: AppOrder, id: String) {
    self.order = order
    reader = EventReader("/jobs/\(id)/events")
  }
}

/// A reader of `/events` that keeps a copy of all jobs.
final class Mirror {
  let reader = EventReader("/events")
  fileprivate(set) var jobs: [String: ShownJob] = [:]
  /// Its connection, while it reads only so many bytes.
  fileprivate var stalling: SimulatedPeer?
}

/// Readers of streams, which reconnect across crashes, restarts and a restored backup.
extension DaemonSimulation {
  /// The time without an event after which a reader that listens has everything.
  private static let quietTime = Duration.seconds(2)

  /// Whether every stream of a job has come to its end, and the mirror has nothing to wait for.
  var streamsAreSettled: Bool {
    jobStreams.allSatisfy(\.reader.isDone) && mirror.reader.isListening
      && kernel.monotonicTime - mirror.reader.actedAt > Self.quietTime
  }

  func scheduleMirror() {
    after(Int.random(in: 0...plan.span / 2, using: &streamRandom)) { self.connect(self.mirror.reader) }
  }

  /// Lets the mirror connect again, if it may have stopped to read before it has everything.
  func healMirror() {
    if let peer = mirror.stalling { kernel.reset(peer) }
  }

  /// Streams every second job from the time that its order is accepted.
  func stream(_ order: AppOrder, id: String) {
    guard Bool.random(using: &streamRandom) else { return }
    let stream = JobStream(order, id: id)
    jobStreams.append(stream)
    connect(stream.reader)
  }

  private func connect(_ reader: EventReader) {
    guard !reader.isDone else { return }
    // A reader that stops to read is closed, and comes again.
    let room =
      isFaulty && streamRandom.happens(onceIn: 6) ? Int.random(in: 0...2000, using: &streamRandom) : .max
    let connection = ClientConnection(kernel.connect(room: room), at: kernel.monotonicTime)
    // Only the comment after an idle time finds the reader stopped, and that has its own timeout.
    connection.isIdle = room < .max
    connections.append(connection)
    if reader === mirror.reader { mirror.stalling = room < .max ? connection.peer : nil }
    reader.connect(over: connection, at: kernel.monotonicTime)
    kernel.send(reader.request, from: connection.peer)
    guard isFaulty, streamRandom.happens(onceIn: 3) else { return }
    after(Int.random(in: 0...20_000, using: &streamRandom)) { [self] in
      if Bool.random(using: &streamRandom) {
        kernel.reset(connection.peer)
      } else {
        kernel.endSending(from: connection.peer)
      }
    }
  }

  func pollReaders() {
    for stream in jobStreams {
      let end = stream.reader.poll(at: kernel.monotonicTime) { note($0, of: stream) }
      handle(end, of: stream.reader) { [self] status in
        guard status == 404, stream.order.isForgotten else {
          return fail("the stream of job \(stream.order.number) was answered \(status)")
        }
        stream.reader.stop()
      }
    }
    let end = mirror.reader.poll(at: kernel.monotonicTime) { note($0) }
    handle(end, of: mirror.reader) { [self] status in
      guard status == 410, isRestored else { return fail("/events was answered \(status)") }
      counts[.expiredCursor] += 1
      mirror.jobs = [:]
      mirror.reader.lastEventID = nil
      connect(mirror.reader)
    }
  }

  private func handle(_ end: EventReader.End?, of reader: EventReader, refused: (Int) -> Void) {
    switch end {
    case nil: return
    case .complete: counts[.endedStream] += 1
    case .refused(let status): refused(status)
    case .mayReconnect:
      counts[.streamReconnect] += 1
      after(Int.random(in: 1000...3000, using: &streamRandom)) { self.connect(reader) }
    }
  }

  /// Drops what readers have seen of the store before a restored backup.
  func noteRestoreOfStreams() {
    // What has arrived is of that store, too.
    pollReaders()
    for stream in jobStreams { stream.shown = nil }
  }
}

// MARK: - Events

extension DaemonSimulation {
  private static func job(in event: EventReader.Event) -> ShownJob? {
    guard let data = event.data, let state = data.member("state"),
      let revision = data.member("revision").flatMap({ Int($0) })
    else { return nil }
    return ShownJob(state: state, revision: revision)
  }

  private func note(_ event: EventReader.Event, of stream: JobStream) {
    guard event.name == "job", let job = Self.job(in: event) else {
      return fail("the stream of job \(stream.order.number) has sent \(event)")
    }
    counts[.streamEvent] += 1
    if let earlier = stream.shown, job.revision < earlier.revision {
      fail("the stream of job \(stream.order.number) went back from \(earlier) to \(job)")
    }
    stream.shown = job
  }

  private func note(_ event: EventReader.Event) {
    guard let id = event.data?.member("id"), event.id != nil else { return fail("/events has sent \(event)") }
    switch event.name {
    case "job":
      guard let job = Self.job(in: event) else { return fail("/events has sent \(event)") }
      mirror.jobs[id] = job
    case "deleted":
      counts[.streamedDeletion] += 1
      mirror.jobs[id] = nil
    default: fail("/events has sent \(event)")
    }
  }
}
