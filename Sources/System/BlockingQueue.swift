internal import Glibc
internal import Time

/// A bounded queue from many threads to one that blocks for it and takes all there is at once.
///
/// `@unchecked Sendable`: the mutex guards the elements. A condition variable is what `Mutex` of the standard library
/// lacks, and without one the consumer could not sleep.
package final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var elements: [Element] = []
  private var isClosed = false
  private var consumerSleeps = false
  private let capacity: Int

  package init(capacity: Int) {
    self.capacity = capacity
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(arrival, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(arrival)
    pthread_mutex_destroy(mutex)
    arrival.deallocate()
    mutex.deallocate()
  }

  /// False where the queue is full or closed: the element was not taken.
  package func push(_ element: Element) -> Bool {
    pthread_mutex_lock(mutex)
    let isTaken = !isClosed && elements.count < capacity
    if isTaken { elements.append(element) }
    let mustSignal = isTaken && consumerSleeps
    pthread_mutex_unlock(mutex)
    if mustSignal { pthread_cond_signal(arrival) }
    return isTaken
  }

  /// As many of `batch` as fit, in order; how many those were. The consumer wakes once for all of them.
  package func push(contentsOf batch: [Element]) -> Int {
    pthread_mutex_lock(mutex)
    let room = isClosed ? 0 : min(batch.count, capacity - elements.count)
    elements.append(contentsOf: batch.prefix(room))
    let mustSignal = room > 0 && consumerSleeps
    pthread_mutex_unlock(mutex)
    if mustSignal { pthread_cond_signal(arrival) }
    return room
  }

  /// Everything that has arrived, after waiting for at least one element.
  ///
  /// - Parameters:
  ///   - timeout: how long to wait for it; nil: until it comes.
  ///   - batchWindow: how long to let more arrive after that. Producers do not wake the consumer meanwhile.
  /// - Returns: empty once `timeout` has passed without any; nil once the queue is closed and empty.
  package func popAll(timeout: Duration? = nil, batchWindow: Duration? = nil) -> [Element]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    // Whoever has no timeout only looks, which costs no system call.
    if timeout == .zero && elements.isEmpty && !isClosed { return [] }
    let limit = timeout.map(Self.time(after:))
    while elements.isEmpty && !isClosed {
      consumerSleeps = true
      defer { consumerSleeps = false }
      guard var moment = limit else {
        pthread_cond_wait(arrival, mutex)
        continue
      }
      if pthread_cond_timedwait(arrival, mutex, &moment) == ETIMEDOUT { return [] }
    }
    if let batchWindow {
      var moment = Self.time(after: batchWindow)
      while !isClosed, pthread_cond_timedwait(arrival, mutex, &moment) != ETIMEDOUT {}
    }
    guard !elements.isEmpty else { return nil }
    defer { elements = [] }
    return elements
  }

  /// No more is taken; what is in the queue is still handed out.
  package func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_mutex_unlock(mutex)
    pthread_cond_broadcast(arrival)
  }

  private static func time(after timeout: Duration) -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = UInt64(time.tv_nsec) + timeout.wholeNanoseconds
    time.tv_sec += Int(nanoseconds / 1_000_000_000)
    time.tv_nsec = Int(nanoseconds % 1_000_000_000)
    return time
  }
}
