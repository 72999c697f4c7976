/// A priority queue by due time, stable among equals: a binary heap.
struct TimerQueue<Element> {
  private var heap: [(due: Instant, number: UInt64, element: Element)] = []
  private var added: UInt64 = 0

  var next: Instant? { heap.first?.due }
  var count: Int { heap.count }

  mutating func insert(_ element: Element, at due: Instant) {
    added += 1
    heap.append((due, added, element))
    var index = heap.count - 1
    while index > 0, precedes(index, (index - 1) / 2) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// The first element, if it is due.
  mutating func popDue(by now: Instant) -> Element? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var index = 0
    // Bounded by the heap's depth: every pass descends one level.
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && precedes(child, smallest) {
        smallest = child
      }
      guard smallest != index else { return first.element }
      heap.swapAt(index, smallest)
      index = smallest
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    (heap[left].due, heap[left].number) < (heap[right].due, heap[right].number)
  }
}
