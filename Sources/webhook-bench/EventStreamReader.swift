import Glibc

/// An incremental parser of one response with server-sent events.
///
/// It parses only what a load generator needs: the status, the chunks, and the fields of each event.
struct EventStreamReader {
  enum Problem: Error, Equatable {
    /// No HTTP/1.1 status line, or an invalid chunk.
    case malformed
    /// A header section of more than 16 KiB, or an event of more than 16 MiB.
    case tooLong
  }

  /// One event. Its bytes are valid during the observer's call only.
  struct Event {
    fileprivate(set) var id = UnsafeRawBufferPointer(start: nil, count: 0)
    fileprivate(set) var name = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The last `data` line. The daemon sends one.
    fileprivate(set) var data = UnsafeRawBufferPointer(start: nil, count: 0)
  }

  private enum State {
    case head
    /// Before the size of a chunk.
    case size
    /// Inside a chunk: the content that is left, and the line break after it.
    case chunk
    case end
  }

  private(set) var status = 0
  private var state = State.head
  /// Bytes that were received and not parsed.
  private var pending: [UInt8] = []
  /// The beginning of an event that continues in the next chunk.
  private var content: [UInt8] = []
  private var chunkLeft = 0

  private static let maxHeadBytes = 16 * 1024
  private static let maxEventBytes = 16 << 20

  /// Whether the response has ended as a whole.
  var isComplete: Bool { state == .end }

  /// Prepares for another response, keeping allocated memory.
  mutating func reset() {
    (status, state, chunkLeft) = (0, .head, 0)
    pending.removeAll(keepingCapacity: true)
    content.removeAll(keepingCapacity: true)
  }

  mutating func consume(
    _ bytes: UnsafeRawBufferPointer, _ observer: (Event) -> Void
  ) throws(Problem) {
    guard pending.isEmpty else {
      pending.append(contentsOf: bytes)
      var all: [UInt8] = []
      swap(&all, &pending)
      let result = all.withUnsafeBytes { all in Result { () throws(Problem) in try parse(all, observer) } }
      all.removeFirst(try result.get())
      pending = all
      return
    }
    let used = try parse(bytes, observer)
    if used < bytes.count { pending.append(contentsOf: bytes[used...]) }
  }

  /// - Returns: the number of parsed bytes.
  private mutating func parse(
    _ bytes: UnsafeRawBufferPointer, _ observer: (Event) -> Void
  ) throws(Problem) -> Int {
    var start = 0
    while start < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      switch state {
      case .head:
        guard let length = Self.headLength(rest) else {
          guard rest.count <= Self.maxHeadBytes else { throw .tooLong }
          return start
        }
        try parseHead(UnsafeRawBufferPointer(rebasing: rest[..<length]))
        start += length
      case .size:
        guard let end = Self.newline(in: rest) else {
          guard rest.count < 32 else { throw .malformed }
          return start
        }
        chunkLeft = try Self.chunkSize(rest[..<end])
        start += end + 1
        state = chunkLeft == 0 ? .end : .chunk
      case .chunk:
        guard chunkLeft > 0 else {
          guard rest.count >= 2 else { return start }
          start += 2
          state = .size
          continue
        }
        let count = min(chunkLeft, rest.count)
        try take(UnsafeRawBufferPointer(rebasing: rest[..<count]), observer)
        chunkLeft -= count
        start += count
      case .end: return bytes.count
      }
    }
    return start
  }

  private mutating func parseHead(_ head: UnsafeRawBufferPointer) throws(Problem) {
    guard head.count >= 16, head.starts(with: "HTTP/1.1 ".utf8) else { throw .malformed }
    let digits = head[9..<12].map { Int($0) - 0x30 }
    guard digits.allSatisfy((0...9).contains) else { throw .malformed }
    status = digits[0] * 100 + digits[1] * 10 + digits[2]
    // The content of any other response is not read.
    state = status == 200 ? .size : .end
  }

  // MARK: - Content

  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ observer: (Event) -> Void
  ) throws(Problem) {
    guard content.isEmpty else {
      content.append(contentsOf: bytes)
      guard content.count <= Self.maxEventBytes else { throw .tooLong }
      let used = content.withUnsafeBytes { Self.events(in: $0, observer) }
      content.removeFirst(used)
      return
    }
    let used = Self.events(in: bytes, observer)
    if used < bytes.count { content.append(contentsOf: bytes[used...]) }
  }

  /// Passes each whole event to the observer.
  ///
  /// - Returns: the number of bytes of whole events.
  private static func events(in bytes: UnsafeRawBufferPointer, _ observer: (Event) -> Void) -> Int {
    var (start, used) = (0, 0)
    var event = Event()
    while start < bytes.count,
      let end = newline(in: UnsafeRawBufferPointer(rebasing: bytes[start...]))
    {
      let line = UnsafeRawBufferPointer(rebasing: bytes[start..<start + end])
      start += end + 1
      if line.isEmpty {
        // A comment is no event. An id alone moves the position of the client.
        if !event.data.isEmpty || !event.id.isEmpty { observer(event) }
        event = Event()
        used = start
      } else if let value = value(of: "data: ", in: line) {
        event.data = value
      } else if let value = value(of: "id: ", in: line) {
        event.id = value
      } else if let value = value(of: "event: ", in: line) {
        event.name = value
      }
    }
    return used
  }

  private static func value(of field: StaticString, in line: UnsafeRawBufferPointer)
    -> UnsafeRawBufferPointer?
  {
    let count = field.utf8CodeUnitCount
    guard line.count >= count, let base = line.baseAddress, memcmp(base, field.utf8Start, count) == 0 else {
      return nil
    }
    return UnsafeRawBufferPointer(rebasing: line[count...])
  }

  private static func newline(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let found = memchr(base, 0x0A, bytes.count) else { return nil }
    return UnsafeRawPointer(found) - base
  }

  private static func headLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let mark: StaticString = "\r\n\r\n"
    return mark.withUTF8Buffer { ResponseText.end(of: UnsafeRawBufferPointer($0), in: bytes) }
  }

  private static func chunkSize(_ line: Slice<UnsafeRawBufferPointer>) throws(Problem) -> Int {
    var size = 0
    guard line.last == 0x0D, line.count > 1, line.count < 10 else { throw .malformed }
    for byte in line.dropLast() {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw .malformed }
      size = size << 4 | digit
    }
    return size
  }
}
