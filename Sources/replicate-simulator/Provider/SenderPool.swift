internal import EventLoop
internal import System

/// Hands attempts to senders, one each, in the order in which they were due. What finds no idle sender waits.
struct SenderPool {
  private let queues: [BlockingQueue<WebhookAttempt>]
  private var idle: [Int]
  private var queued = Fifo<WebhookAttempt>()
  private var queuedBytes = 0

  /// Bytes of bodies that wait.
  private static let maxQueuedBytes = 256 * 1024 * 1024

  init(queues: [BlockingQueue<WebhookAttempt>]) {
    self.queues = queues
    idle = Array(queues.indices)
  }

  /// False where too much is waiting: the attempt was not taken.
  mutating func submit(_ attempt: WebhookAttempt) -> Bool {
    guard queuedBytes + attempt.body.count <= Self.maxQueuedBytes else { return false }
    queued.append(attempt)
    queuedBytes += attempt.body.count
    dispatch()
    return true
  }

  mutating func markIdle(_ sender: Int) {
    idle.append(sender)
    dispatch()
  }

  private mutating func dispatch() {
    while let sender = idle.last, let attempt = queued.popFirst() {
      idle.removeLast()
      queuedBytes -= attempt.body.count
      // An idle sender has nothing in its queue, so there is room for one; once it is closed the program ends.
      _ = queues[sender].push(attempt)
    }
  }
}

/// First in, first out.
struct Fifo<Element> {
  private var elements: [Element?] = []
  private var head = 0

  mutating func append(_ element: Element) {
    elements.append(element)
  }

  mutating func popFirst() -> Element? {
    guard head < elements.count else { return nil }
    let first = elements[head]
    elements[head] = nil
    head += 1
    // Moves each element once for every time that half of them have left.
    if head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return first
  }
}
