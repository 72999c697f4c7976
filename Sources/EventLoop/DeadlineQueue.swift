internal import Time

/// The deadlines of all waits of a loop, earliest first.
///
/// A binary heap in which every handle knows its index. A handle is in it at most once, and leaves it when
/// its socket closes.
struct DeadlineQueue {
  private var heap: [WaitHandle] = []

  var next: MonotonicTime? { heap.first?.wakesAt }
  var count: Int { heap.count }

  mutating func insert(_ handle: WaitHandle, at time: MonotonicTime) {
    if let index = handle.heapIndex {
      let previous = handle.wakesAt
      handle.wakesAt = time
      if time < previous { siftUp(index) } else { siftDown(index) }
    } else {
      handle.wakesAt = time
      handle.heapIndex = heap.count
      heap.append(handle)
      siftUp(heap.count - 1)
    }
    assert(isOrdered(at: handle.heapIndex), "a deadline is out of order")
  }

  mutating func remove(_ handle: WaitHandle) {
    guard let index = handle.heapIndex else { return }
    handle.heapIndex = nil
    let last = heap.removeLast()
    guard index < heap.count else { return }
    heap[index] = last
    last.heapIndex = index
    siftUp(index)
    siftDown(last.heapIndex ?? index)
    assert(isOrdered(at: last.heapIndex) && isOrdered(at: index), "a deadline is out of order")
  }

  /// Removes and returns the first handle if its deadline has passed.
  mutating func popExpired(at now: MonotonicTime) -> WaitHandle? {
    guard let first = heap.first, first.wakesAt <= now else { return nil }
    remove(first)
    return first
  }

  private mutating func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[index].wakesAt < heap[parent].wakesAt else { return }
      swap(index, parent)
      index = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].wakesAt < heap[smallest].wakesAt { smallest = child }
      }
      guard smallest != index else { return }
      swap(index, smallest)
      index = smallest
    }
  }

  /// Whether the handle at `index` knows its index, and is due between its parent and its children.
  ///
  /// Checked where the heap changes, so that a break is found when its index is next used.
  private func isOrdered(at index: Int?) -> Bool {
    guard let index, index < heap.count, heap[index].heapIndex == index else { return false }
    let time = heap[index].wakesAt
    return (index == 0 || heap[(index - 1) / 2].wakesAt <= time)
      && [2 * index + 1, 2 * index + 2].allSatisfy { $0 >= heap.count || time <= heap[$0].wakesAt }
  }

  private mutating func swap(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    heap[left].heapIndex = left
    heap[right].heapIndex = right
  }
}
