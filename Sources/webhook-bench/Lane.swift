/// Requests of one kind on connections of their own, and what came of them. Several lanes run side by side in one loop.
final class Lane {
  enum Use {
    /// A connection takes one request after the other.
    case keepAlive
    /// Every request has a connection of its own, and its time begins with the connecting.
    case connectionPerRequest
    /// One request on each connection, which then stays open and silent.
    case thenIdle
  }

  /// What is told of an answer: which send it answers, and the answer.
  typealias Observer = (_ send: Int, _ answer: ResponseReader) -> Void

  let name: String
  let endpoint: Endpoint
  let requests: RequestArena
  /// Numbers of requests, in the order of sending.
  let sends: [UInt32]
  let connections: Int
  let use: Use
  /// Begins again at its end, until the other lanes are done.
  let isBackground: Bool
  let observer: Observer?
  /// Which requests are to be answered 401; the others with success.
  private let expectsRejection: (Int) -> Bool

  private(set) var latencies: Latencies
  /// Answers by status.
  private var statuses = [Int](repeating: 0, count: 1000)
  /// The status that answered each send, 0 where none did. Of a background lane, the last one.
  private(set) var answers: [UInt16]
  private(set) var taken = 0
  private(set) var answered = 0
  /// Answers other than the expected ones.
  private(set) var unexpected = 0
  /// Requests whose connection ended before the answer.
  var broken = 0
  /// Connections that were made anew because the server had ended the last one.
  var reconnects = 0
  private(set) var firstProblem: ResponseReader.Problem?
  /// When the last answer was complete.
  private(set) var lastAnswerAt: UInt64 = 0

  /// Of a background lane, so that what is kept of it is bounded.
  private static let maxBackgroundSends = 10_000_000

  init(
    _ name: String, to endpoint: Endpoint, _ requests: RequestArena, sends: [UInt32]? = nil, connections: Int,
    use: Use = .keepAlive, isBackground: Bool = false,
    expectsRejection: @escaping (Int) -> Bool = { _ in false },
    observer: Observer? = nil
  ) {
    self.name = name
    self.endpoint = endpoint
    self.requests = requests
    self.sends = sends ?? (0..<requests.count).map(UInt32.init)
    self.connections = min(connections, self.sends.count)
    self.use = use
    self.isBackground = isBackground
    self.observer = observer
    self.expectsRejection = expectsRejection
    latencies = Latencies(expected: self.sends.count)
    answers = Array(repeating: 0, count: self.sends.count)
  }

  /// The number of the next send; nil where there is none.
  func take() -> Int? {
    guard isBackground ? taken < Self.maxBackgroundSends : taken < sends.count else { return nil }
    defer { taken += 1 }
    return taken % sends.count
  }

  func record(_ answer: ResponseReader, to send: Int, startedAt: UInt64, endedAt: UInt64) {
    latencies.add(nanoseconds: endedAt - startedAt)
    statuses[answer.status] += 1
    answers[send] = UInt16(answer.status)
    answered += 1
    let isExpected =
      expectsRejection(Int(sends[send])) ? answer.status == 401 : (200..<300).contains(answer.status)
    if !isExpected { unexpected += 1 }
    lastAnswerAt = endedAt
    observer?(send, answer)
  }

  func noteProblem(_ problem: ResponseReader.Problem) {
    if firstProblem == nil { firstProblem = problem }
  }

  /// Status and count, in ascending order.
  var statusCounts: [(status: Int, count: Int)] {
    statuses.enumerated().filter { $0.element > 0 }.map { ($0.offset, $0.element) }
  }
}
