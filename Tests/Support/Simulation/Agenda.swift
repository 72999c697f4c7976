internal import EventLoop
internal import Time

/// Scheduled events, earliest first.
///
/// A binary heap, because simulations schedule many events before they start.
struct Agenda {
  struct Entry {
    let time: MonotonicTime
    /// Events due at the same time run in the order in which they were scheduled.
    let order: Int
    let action: () -> Void

    func isBefore(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
  }

  private var heap: [Entry] = []
  private var scheduled = 0

  var isEmpty: Bool { heap.isEmpty }
  var nextTime: MonotonicTime? { heap.first?.time }

  mutating func schedule(at time: MonotonicTime, _ action: @escaping () -> Void) {
    heap.append(Entry(time: time, order: scheduled, action: action))
    scheduled += 1
    var place = heap.count - 1
    while place > 0, heap[place].isBefore(heap[(place - 1) / 2]) {
      heap.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func removeNext() -> Entry? {
    guard !heap.isEmpty else { return nil }
    heap.swapAt(0, heap.count - 1)
    let next = heap.removeLast()
    var place = 0
    while true {
      var earliest = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
        if heap[child].isBefore(heap[earliest]) { earliest = child }
      }
      guard earliest != place else { return next }
      heap.swapAt(place, earliest)
      place = earliest
    }
  }
}
