/// A priority queue by due time, stable among equals: a binary heap.
package struct TimerQueue<Moment: Comparable, Element> {
  private var heap: [(due: Moment, number: UInt64, element: Element)] = []
  private var added: UInt64 = 0

  package init() {}

  package var next: Moment? { heap.first?.due }
  package var count: Int { heap.count }

  package mutating func insert(_ element: Element, at due: Moment) {
    added += 1
    heap.append((due, added, element))
    var index = heap.count - 1
    while index > 0, precedes(index, (index - 1) / 2) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// The first element, if it is due.
  package mutating func popDue(by now: Moment) -> Element? {
    guard let due = heap.first?.due, due <= now else { return nil }
    return popFirst()?.element
  }

  package mutating func popFirst() -> (due: Moment, element: Element)? {
    guard let first = heap.first else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    siftDown()
    // An order that is broken further down is found when it gets here.
    assert(
      heap.first.map { (first.due, first.number) < ($0.due, $0.number) } ?? true, "a timer is out of order")
    return (first.due, first.element)
  }

  /// Moves the first element down to its place.
  private mutating func siftDown() {
    var index = 0
    // Bounded by the heap's depth: every pass descends one level.
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && precedes(child, smallest) {
        smallest = child
      }
      guard smallest != index else { return }
      heap.swapAt(index, smallest)
      index = smallest
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    (heap[left].due, heap[left].number) < (heap[right].due, heap[right].number)
  }
}

extension TimerQueue: Sendable where Moment: Sendable, Element: Sendable {}
