internal import Glibc

/// A bounded queue from many producer threads to one blocking consumer.
///
/// The consumer takes everything that is queued at once.
///
/// `@unchecked Sendable`: the condition guards the elements.
package final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
  private let arrival = Condition()
  private var elements: [Element] = []
  private var isClosed = false
  private var consumerSleeps = false
  private let capacity: Int

  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// The number of elements that wait.
  package var count: Int {
    arrival.lock()
    defer { arrival.unlock() }
    return elements.count
  }

  /// Appends an element.
  ///
  /// - Returns: false if the queue is full or closed; the element is not queued.
  package func push(_ element: Element) -> Bool {
    arrival.lock()
    let isTaken = !isClosed && elements.count < capacity
    if isTaken { elements.append(element) }
    let mustSignal = isTaken && consumerSleeps
    arrival.unlock()
    if mustSignal { arrival.signal() }
    return isTaken
  }

  /// Appends as many elements of `batch` as fit, in order, and wakes the consumer once.
  ///
  /// - Returns: the number of elements appended.
  package func push(contentsOf batch: [Element]) -> Int {
    arrival.lock()
    let room = isClosed ? 0 : min(batch.count, capacity - elements.count)
    elements.append(contentsOf: batch.prefix(room))
    let mustSignal = room > 0 && consumerSleeps
    assert(elements.count <= capacity, "the queue exceeds its capacity")
    arrival.unlock()
    if mustSignal { arrival.signal() }
    return room
  }

  /// Removes and returns all elements, after waiting for at least one.
  ///
  /// - Parameters:
  ///   - timeout: how long to wait for the first element; nil waits without limit.
  ///   - batchWindow: how long to keep collecting after the first element. Producers do not wake the consumer
  ///     meanwhile.
  /// - Returns: an empty array on timeout; nil once the queue is closed and empty.
  package func popAll(timeout: Duration? = nil, batchWindow: Duration? = nil) -> [Element]? {
    arrival.lock()
    defer { arrival.unlock() }
    // A zero timeout only polls, which costs no system call.
    if timeout == .zero && elements.isEmpty && !isClosed { return [] }
    let limit = timeout.map(Condition.time(after:))
    while elements.isEmpty && !isClosed {
      consumerSleeps = true
      defer { consumerSleeps = false }
      if let limit {
        guard arrival.wait(until: limit) else { return [] }
      } else {
        arrival.wait()
      }
    }
    if let batchWindow {
      let end = Condition.time(after: batchWindow)
      while !isClosed, arrival.wait(until: end) {}
    }
    guard !elements.isEmpty else { return nil }
    defer { elements = [] }
    return elements
  }

  /// Rejects further elements; those already queued can still be taken.
  package func close() {
    arrival.lock()
    isClosed = true
    arrival.unlock()
    arrival.broadcast()
  }
}
