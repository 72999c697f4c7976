/// What is due when, the earliest first, and what was added first among equals: a binary heap.
struct TimerQueue<Element> {
  private var heap: [(due: Instant, number: UInt64, element: Element)] = []
  private var added: UInt64 = 0

  var next: Instant? { heap.first?.due }
  var count: Int { heap.count }

  mutating func insert(_ element: Element, at due: Instant) {
    added += 1
    heap.append((due, added, element))
    var place = heap.count - 1
    while place > 0, precedes(place, (place - 1) / 2) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  /// The first element, if its time has come.
  mutating func popDue(by now: Instant) -> Element? {
    guard let first = heap.first, first.due <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var place = 0
    // Bounded by the depth of the heap: every round goes one level down.
    while true {
      var smallest = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count && precedes(child, smallest) {
        smallest = child
      }
      guard smallest != place else { return first.element }
      heap.swapAt(place, smallest)
      place = smallest
    }
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    (heap[left].due, heap[left].number) < (heap[right].due, heap[right].number)
  }
}
