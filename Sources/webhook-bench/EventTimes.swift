import Glibc

/// When watched deliveries were sent, and when streams showed their effect.
///
/// Each body has its delivery's number as the input's seed, which the job's document repeats.
final class EventTimes {
  private let workload: Workload
  private let sentAt: (Int) -> UInt64
  /// The deliveries of each job, in order.
  private var deliveriesOfJob: [[Int]]
  /// The index of each delivery among those of its job.
  private var indexInJob: [Int]
  private var jobNumbers: [String: Int] = [:]
  /// The index of the next delivery that each job's stream is to show.
  private var next: [Int]
  private var shownState: [String]
  /// The delivery that each change shows.
  private var deliveryOfChange: [Int: Int] = [:]
  /// Changes that a feed has shown, and when.
  private var feedEvents: [(change: Int, at: UInt64)] = []
  private var endsInFeeds: [Set<Int>]
  private(set) var latencies: Latencies
  /// Documents that show no delivery, or another job.
  private(set) var foreign = 0

  /// - Parameter sentAt: when a delivery was sent, by its number; 0 if it was sent before.
  init(of workload: Workload, feeds: Int, sentAt: @escaping (Int) -> UInt64) {
    self.workload = workload
    self.sentAt = sentAt
    latencies = Latencies(expected: workload.deliveries.count)
    deliveriesOfJob = Array(repeating: [], count: workload.jobCount)
    indexInJob = []
    for (number, delivery) in workload.deliveries.enumerated() {
      indexInJob.append(deliveriesOfJob[delivery.job].count)
      deliveriesOfJob[delivery.job].append(number)
    }
    next = Array(repeating: 0, count: workload.jobCount)
    shownState = Array(repeating: "", count: workload.jobCount)
    for job in 0..<workload.jobCount { jobNumbers[workload.jobID(job)] = job }
    endsInFeeds = Array(repeating: [], count: feeds)
  }

  /// The state in which each job ends.
  private func finalState(of job: Int) -> String {
    deliveriesOfJob[job].last.map { workload.deliveries[$0].status.state } ?? ""
  }

  /// Notes an event of a job's stream.
  ///
  /// - Returns: whether it shows the job's end.
  func note(_ event: EventStreamReader.Event, ofJob job: Int) -> Bool {
    let now = Clock.nanoseconds
    let state = Self.text(after: #""state":""#, in: event.data)
    shownState[job] = state
    guard let delivery = Self.number(after: #""seed":"#, in: event.data),
      workload.deliveries.indices.contains(delivery), workload.deliveries[delivery].job == job
    else {
      foreign += 1
      return false
    }
    if let change = Self.change(event.id) { deliveryOfChange[change] = delivery }
    // A newer state also answers the deliveries that it makes late.
    while next[job] <= indexInJob[delivery] {
      let sent = sentAt(deliveriesOfJob[job][next[job]])
      if sent > 0 { latencies.add(nanoseconds: now - sent) }
      next[job] += 1
    }
    return Self.isEnd(state)
  }

  /// Notes an event of `/events`.
  func note(_ event: EventStreamReader.Event, ofFeed feed: Int) {
    if let change = Self.change(event.id) { feedEvents.append((change, Clock.nanoseconds)) }
    guard Self.isEnd(Self.text(after: #""state":""#, in: event.data)),
      let job = jobNumbers[Self.text(after: #""id":""#, in: event.data)]
    else { return }
    endsInFeeds[feed].insert(job)
  }

  /// Whether every feed has shown the end of every job.
  var feedsHaveAllEnds: Bool { endsInFeeds.allSatisfy { $0.count == workload.jobCount } }
  /// Ends that a feed has not shown.
  var endsMissingInFeeds: Int { endsInFeeds.reduce(0) { $0 + workload.jobCount - $1.count } }

  /// The jobs below `count` whose stream last showed another state than the final one.
  func wrongStates(amongFirst count: Int) -> Int {
    (0..<count).count { shownState[$0] != finalState(of: $0) }
  }

  /// The times of the events of feeds whose change a job's stream has shown too.
  var feedLatencies: Latencies {
    var latencies = Latencies(expected: feedEvents.count)
    for (change, moment) in feedEvents {
      guard let delivery = deliveryOfChange[change] else { continue }
      let sent = sentAt(delivery)
      if sent > 0, sent < moment { latencies.add(nanoseconds: moment - sent) }
    }
    return latencies
  }

  // MARK: - Documents

  private static func isEnd(_ state: String) -> Bool { ["succeeded", "failed", "canceled"].contains(state) }

  private static func position(after mark: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
    mark.withUTF8Buffer { ResponseText.end(of: UnsafeRawBufferPointer($0), in: bytes) }
  }

  /// The text up to the next quotation mark.
  private static func text(after mark: StaticString, in bytes: UnsafeRawBufferPointer) -> String {
    guard let start = position(after: mark, in: bytes) else { return "" }
    return String(decoding: bytes[start...].prefix(64).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
  }

  private static func number(after mark: StaticString, in bytes: UnsafeRawBufferPointer) -> Int? {
    position(after: mark, in: bytes).flatMap { leadingNumber(UnsafeRawBufferPointer(rebasing: bytes[$0...])) }
  }

  /// The change number, with which an event's id begins.
  private static func change(_ id: UnsafeRawBufferPointer) -> Int? { leadingNumber(id) }

  private static func leadingNumber(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var (number, count) = (0, 0)
    for byte in bytes.prefix(18) {
      guard (0x30...0x39).contains(byte) else { break }
      number = number * 10 + Int(byte) - 0x30
      count += 1
    }
    return count > 0 ? number : nil
  }
}
