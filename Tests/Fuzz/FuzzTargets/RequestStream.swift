package import HTTPWire

/// The requests that a connection would read from a stream of pieces.
///
/// It ends when one is rejected or closes the connection, or when the stream ends.
package struct RequestStream {
  package struct Message {
    package let head: RequestHead
    /// The offsets of the header section's start and of the body's end.
    package let range: Range<Int>
    package let body: [UInt8]
  }

  package enum End: Equatable, Sendable {
    /// The last message is incomplete.
    case wantsMore
    /// The last request closes its connection.
    case closed
    case refused(RequestError)
  }

  package private(set) var messages: [Message] = []
  package private(set) var end = End.wantsMore
  /// The start of a message that is incomplete or was rejected.
  package private(set) var start = 0
  /// The header section of that message, if it was parsed.
  ///
  /// The rest was rejected or missing.
  package private(set) var openHead: RequestHead?

  private let limits: MessageLimits
  private let bodyLimit: Int
  private var parser: RequestHeadParser
  private var decoder: ChunkedDecoder
  private var consumed = 0
  private var body: [UInt8] = []

  /// Parses `bytes` in pieces that end at `ends`.
  package init(
    _ bytes: [UInt8], pieceEnds ends: some Sequence<Int>, limits: MessageLimits, bodyLimit: Int
  ) throws(Violation) {
    self.limits = limits
    self.bodyLimit = bodyLimit
    parser = RequestHeadParser(limits: limits)
    decoder = ChunkedDecoder(limits: limits, bodyLimit: bodyLimit)
    for end in ends {
      guard self.end == .wantsMore else { return }
      // Bounded by the bytes: every message consumes some of them.
      while try readMessage(of: bytes.span.extracting(first: end)) {}
    }
  }

  /// True if a message was completed and another may follow.
  private mutating func readMessage(of arrived: Span<UInt8>) throws(Violation) -> Bool {
    do throws(RequestError) {
      if openHead == nil {
        openHead = try parser.parse(arrived.extracting(droppingFirst: consumed))
        consumed += openHead?.byteCount ?? 0
      }
      guard let head = openHead else { return false }
      guard try readBody(framed: head.bodyFraming, of: arrived) else { return false }
      complete(head)
    } catch {
      end = .refused(error)
      return false
    }
    let message = messages[messages.count - 1]
    try require(consumed <= arrived.count, "a message is longer than what has arrived")
    try require(message.head.byteCount > 0, "a header section has no bytes")
    try require(message.body.count <= bodyLimit, "a body is longer than its limit")
    try require(message.body.count <= message.range.count, "a body is longer than its message")
    return end == .wantsMore
  }

  private mutating func readBody(
    framed framing: BodyFraming, of arrived: Span<UInt8>
  ) throws(RequestError) -> Bool {
    switch framing {
    case .none:
      return true
    case .length(let length):
      guard length <= bodyLimit else { throw .bodyTooLarge }
      let end = min(arrived.count, consumed + length - body.count)
      arrived.extracting(consumed..<end).withUnsafeBufferPointer { body.append(contentsOf: $0) }
      consumed = end
      return body.count == length
    case .chunked:
      let progress = try decoder.decode(arrived.extracting(droppingFirst: consumed), into: &body)
      consumed += progress.consumed
      return progress.isComplete
    }
  }

  private mutating func complete(_ head: RequestHead) {
    messages.append(Message(head: head, range: start..<consumed, body: body))
    if !head.isPersistent { end = .closed }
    parser = RequestHeadParser(limits: limits)
    decoder = ChunkedDecoder(limits: limits, bodyLimit: bodyLimit)
    (openHead, body, start) = (nil, [], consumed)
  }
}

extension RequestStream {
  /// Throws if `other` parsed the same bytes differently.
  package func requireSame(as other: RequestStream) throws(Violation) {
    try require(end == other.end, "the pieces changed the end from \(end) to \(other.end)")
    try require(start == other.start, "the pieces changed where a message begins")
    try require(messages.count == other.messages.count, "the pieces changed how many requests there are")
    for (left, right) in zip(messages, other.messages) {
      try require(left.range == right.range, "the pieces changed where a request ends")
      try require(left.body == right.body, "the pieces changed a body")
      try left.head.requireSame(as: right.head)
    }
    try require((openHead == nil) == (other.openHead == nil), "the pieces changed what is known of a request")
    if let left = openHead, let right = other.openHead { try left.requireSame(as: right) }
  }
}

extension RequestHead {
  fileprivate func requireSame(as other: RequestHead) throws(Violation) {
    try require(
      method == other.method && target == other.target && minorVersion == other.minorVersion
        && host == other.host && bodyFraming == other.bodyFraming && isPersistent == other.isPersistent
        && expectsContinue == other.expectsContinue && byteCount == other.byteCount,
      "the pieces changed a request")
    try require(fields.count == other.fields.count, "the pieces changed how many fields there are")
    for name in ["host", "content-length", "content-type", "webhook-id", "webhook-signature", "a", "x"] {
      try require(fields.all(name) == other.fields.all(name), "the pieces changed the field \(name)")
    }
  }
}
