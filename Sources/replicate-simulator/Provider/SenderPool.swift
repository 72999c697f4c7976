internal import EventLoop
internal import System

/// Assigns webhook attempts to idle senders, one each, in due order.
///
/// An attempt that finds no idle sender is queued.
struct SenderPool {
  private let queues: [BlockingQueue<WebhookAttempt>]
  private var idle: [Int]
  private var queued = Fifo<WebhookAttempt>()
  private var queuedBytes = 0

  /// The maximum size of queued bodies.
  private static let maxQueuedBytes = 256 * 1024 * 1024

  init(queues: [BlockingQueue<WebhookAttempt>]) {
    self.queues = queues
    idle = Array(queues.indices)
  }

  /// Queues an attempt; false if the queue is full and rejects it.
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
      // An idle sender's queue is empty, so there is room. A closed queue means that the program ends.
      _ = queues[sender].push(attempt)
    }
  }
}

/// A first-in, first-out queue.
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
    // Compacts when half of the elements are gone, so that removal takes amortized constant time.
    if head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return first
  }
}
