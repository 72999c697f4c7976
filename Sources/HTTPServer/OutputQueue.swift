/// A queue of bytes to send, which frees memory as it is drained.
struct OutputQueue {
  private var bytes: [UInt8] = []
  /// The number of bytes already removed from the front.
  private var start = 0

  /// The least number of removed bytes for which copying the rest pays off.
  private static let trimThreshold = 128 * 1024

  var count: Int { bytes.count - start }
  /// Memory in use, including removed bytes that are not freed yet.
  var heldBytes: Int { bytes.count }

  /// Appends `more`, without a copy if the queue is empty.
  mutating func append(_ more: consuming [UInt8]) {
    if count == 0 { (bytes, start) = (more, 0) } else { bytes += more }
  }

  /// Lets `body` append to the queue.
  mutating func append(_ body: (inout [UInt8]) -> Void) {
    body(&bytes)
  }

  /// The first bytes, at most `limit`.
  func prefix(_ limit: Int) -> ArraySlice<UInt8> {
    bytes[start..<min(bytes.count, start + limit)]
  }

  mutating func removeFirst(_ count: Int) {
    assert(count <= self.count, "more bytes are removed than are queued")
    start += count
    if start == bytes.count {
      // An idle connection holds no buffer.
      (bytes, start) = ([], 0)
    } else if start >= Self.trimThreshold, start * 2 >= bytes.count {
      // At least half has left: every byte is copied at most once, on average.
      (bytes, start) = (Array(bytes[start...]), 0)
    }
  }
}
