/// Requests of one kind on their own connections, with the results.
///
/// Several lanes run concurrently in one loop.
final class Lane {
  enum Use {
    /// A connection carries many requests.
    case keepAlive
    /// Every request has its own connection; its latency includes connecting.
    case connectionPerRequest
    /// One request per connection, which then stays open and idle.
    case thenIdle
  }

  /// Receives each response with the number of its send.
  typealias Observer = (_ send: Int, _ answer: ResponseReader) -> Void

  let name: String
  let endpoint: Endpoint
  /// Receivers that share the connections with it.
  var others: [Endpoint] = []
  private var connectionCount = 0
  let requests: RequestArena
  /// Numbers of requests in sending order.
  let sends: [UInt32]
  let connections: Int
  let use: Use
  /// Whether the lane repeats its sends until the other lanes are done.
  let isBackground: Bool
  /// Requests per second; nil for as many as are answered.
  let rate: Int?
  /// When each send began, where that is kept; 0 for one that has not begun.
  private(set) var sentAt: [UInt64]
  let observer: Observer?
  /// Whether a request should get status 401; others should succeed.
  private let expectsRejection: (Int) -> Bool

  private(set) var latencies: Latencies
  /// Response counts by status.
  private var statuses = [Int](repeating: 0, count: 1000)
  /// The status of each send, 0 without a response. In a background lane the latest.
  private(set) var answers: [UInt16]
  private(set) var taken = 0
  private(set) var answered = 0
  /// Unexpected responses.
  private(set) var unexpected = 0
  /// Requests whose connection was lost before the response.
  var broken = 0
  /// Connections opened because the server had closed the previous one.
  var reconnects = 0
  private(set) var firstProblem: ResponseReader.Problem?
  /// When the last response was complete.
  private(set) var lastAnswerAt: UInt64 = 0

  /// Bounds the memory of a background lane.
  private static let maxBackgroundSends = 10_000_000

  init(
    _ name: String, to endpoint: Endpoint, _ requests: RequestArena, sends: [UInt32]? = nil, connections: Int,
    use: Use = .keepAlive, isBackground: Bool = false, rate: Int? = nil, keepsSendTimes: Bool = false,
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
    self.rate = rate
    sentAt = Array(repeating: 0, count: keepsSendTimes ? self.sends.count : 0)
    self.observer = observer
    self.expectsRejection = expectsRejection
    latencies = Latencies(expected: self.sends.count)
    answers = Array(repeating: 0, count: self.sends.count)
  }

  /// The receiver of the next connection: one after the other.
  func nextEndpoint() -> Endpoint {
    defer { connectionCount += 1 }
    let number = connectionCount % (1 + others.count)
    return number == 0 ? endpoint : others[number - 1]
  }

  /// The number of the next send; nil if there is none.
  func take() -> Int? {
    guard isBackground ? taken < Self.maxBackgroundSends : taken < sends.count else { return nil }
    defer { taken += 1 }
    return taken % sends.count
  }

  func noteSent(_ send: Int, at moment: UInt64) {
    if !sentAt.isEmpty { sentAt[send] = moment }
  }

  /// Whether the rate allows another request, or none is left.
  func isDue(after seconds: Double) -> Bool {
    guard let rate, taken < sends.count else { return true }
    return Double(taken) < seconds * Double(rate)
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
