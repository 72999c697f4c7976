/// Bytes that leave at the front. Their memory is given back on the way, not only when the last one has left.
struct OutputQueue {
  private var bytes: [UInt8] = []
  /// How many of them have left.
  private var start = 0

  /// Less is not worth a copy of the rest.
  private static let trimThreshold = 128 * 1024

  var count: Int { bytes.count - start }
  /// Memory: also of bytes that have left, and are not given back yet.
  var heldBytes: Int { bytes.count }

  /// Takes over `more` without a copy where nothing else waits.
  mutating func append(_ more: consuming [UInt8]) {
    if count == 0 { (bytes, start) = (more, 0) } else { bytes += more }
  }

  /// Lets `body` append.
  mutating func append(_ body: (inout [UInt8]) -> Void) {
    body(&bytes)
  }

  /// The first bytes, at most `limit`.
  func prefix(_ limit: Int) -> ArraySlice<UInt8> {
    bytes[start..<min(bytes.count, start + limit)]
  }

  mutating func removeFirst(_ count: Int) {
    start += count
    if start == bytes.count {
      // An idle connection holds no memory of its own.
      (bytes, start) = ([], 0)
    } else if start >= Self.trimThreshold, start * 2 >= bytes.count {
      // At least half: every byte is copied once at most, on average.
      (bytes, start) = (Array(bytes[start...]), 0)
    }
  }
}
