internal import Glibc
internal import Time

/// A bounded queue from many producer threads to one blocking consumer.
///
/// The consumer takes everything that is queued at once.
///
/// `@unchecked Sendable`: the mutex guards the elements. The standard library's `Mutex` has no condition
/// variable, and without one the consumer could not sleep.
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

  /// Appends an element.
  ///
  /// - Returns: false if the queue is full or closed; the element is not queued.
  package func push(_ element: Element) -> Bool {
    pthread_mutex_lock(mutex)
    let isTaken = !isClosed && elements.count < capacity
    if isTaken { elements.append(element) }
    let mustSignal = isTaken && consumerSleeps
    pthread_mutex_unlock(mutex)
    if mustSignal { pthread_cond_signal(arrival) }
    return isTaken
  }

  /// Appends as many elements of `batch` as fit, in order, and wakes the consumer once.
  ///
  /// - Returns: the number of elements appended.
  package func push(contentsOf batch: [Element]) -> Int {
    pthread_mutex_lock(mutex)
    let room = isClosed ? 0 : min(batch.count, capacity - elements.count)
    elements.append(contentsOf: batch.prefix(room))
    let mustSignal = room > 0 && consumerSleeps
    pthread_mutex_unlock(mutex)
    if mustSignal { pthread_cond_signal(arrival) }
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
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    // A zero timeout only polls, which costs no system call.
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

  /// Rejects further elements; those already queued can still be taken.
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
