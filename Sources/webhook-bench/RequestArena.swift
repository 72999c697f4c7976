/// Requests as consecutive bytes, prepared before the clock starts.
struct RequestArena {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  var count: Int { ends.count }

  mutating func reserve(bytes capacity: Int, requests: Int) {
    bytes.reserveCapacity(capacity)
    ends.reserveCapacity(requests)
  }

  mutating func append(head: String, body: [UInt8] = []) {
    bytes.append(contentsOf: head.utf8)
    bytes.append(contentsOf: body)
    ends.append(bytes.count)
  }

  func range(of request: Int) -> Range<Int> {
    (request == 0 ? 0 : ends[request - 1])..<ends[request]
  }

  /// The bytes of `request` from `offset` on.
  func withBytes<Result>(of request: Int, from offset: Int, _ body: (UnsafeRawBufferPointer) -> Result)
    -> Result
  {
    let range = range(of: request)
    return bytes.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[range.lowerBound + offset..<range.upperBound]))
    }
  }

  func text(of request: Int) -> String { String(decoding: bytes[range(of: request)], as: UTF8.self) }
}
