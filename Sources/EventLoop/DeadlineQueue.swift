internal import Time

/// The deadlines of all waits of a loop, the next one first: a binary heap in which every waiter knows its place, so that
/// a waiter stands in it at most once and leaves it when its socket closes.
struct DeadlineQueue {
  private var heap: [Waiter] = []

  var next: MonotonicTime? { heap.first?.wakesAt }
  var count: Int { heap.count }

  mutating func insert(_ waiter: Waiter, at time: MonotonicTime) {
    if let place = waiter.queuePlace {
      let previous = waiter.wakesAt
      waiter.wakesAt = time
      if time < previous { siftUp(place) } else { siftDown(place) }
    } else {
      waiter.wakesAt = time
      waiter.queuePlace = heap.count
      heap.append(waiter)
      siftUp(heap.count - 1)
    }
  }

  mutating func remove(_ waiter: Waiter) {
    guard let place = waiter.queuePlace else { return }
    waiter.queuePlace = nil
    let last = heap.removeLast()
    guard place < heap.count else { return }
    heap[place] = last
    last.queuePlace = place
    siftUp(place)
    siftDown(last.queuePlace ?? place)
  }

  /// The first waiter, if its time has come.
  mutating func popExpired(at now: MonotonicTime) -> Waiter? {
    guard let first = heap.first, first.wakesAt <= now else { return nil }
    remove(first)
    return first
  }

  private mutating func siftUp(_ start: Int) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard heap[place].wakesAt < heap[parent].wakesAt else { return }
      swap(place, parent)
      place = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var place = start
    while true {
      var smallest = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
        if heap[child].wakesAt < heap[smallest].wakesAt { smallest = child }
      }
      guard smallest != place else { return }
      swap(place, smallest)
      place = smallest
    }
  }

  private mutating func swap(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    heap[left].queuePlace = left
    heap[right].queuePlace = right
  }
}
