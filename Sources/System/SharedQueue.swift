/// A bounded queue from many producer threads to many blocking consumers.
///
/// A consumer takes one element at a time, so that a slow one delays only its own.
///
/// `@unchecked Sendable`: the condition guards the elements.
package final class SharedQueue<Element: Sendable>: @unchecked Sendable {
  private let arrival = Condition()
  /// Those before ``head`` are taken.
  private var elements: [Element?] = []
  private var head = 0
  private var isClosed = false
  private let capacity: Int

  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// Appends an element.
  ///
  /// - Returns: false if the queue is full or closed; the element is not queued.
  package func push(_ element: Element) -> Bool {
    arrival.lock()
    let isTaken = !isClosed && elements.count - head < capacity
    if isTaken { elements.append(element) }
    arrival.unlock()
    if isTaken { arrival.signal() }
    return isTaken
  }

  /// Removes and returns the oldest element, after waiting for one.
  ///
  /// - Returns: nil once the queue is closed and empty.
  package func pop() -> Element? {
    arrival.lock()
    defer { arrival.unlock() }
    while head == elements.count, !isClosed { arrival.wait() }
    guard head < elements.count else { return nil }
    let element = elements[head].take()
    head += 1
    if head == elements.count || head == capacity {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Rejects further elements; those already queued can still be taken.
  package func close() {
    arrival.lock()
    isClosed = true
    arrival.unlock()
    arrival.broadcast()
  }
}
