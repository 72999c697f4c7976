package import HTTPWire

/// A stream of requests is parsed alike however it is split.
///
/// An independent parser agrees.
///
/// Input: one byte that selects the limits, three that select the sizes of the pieces, and the stream.
package enum RequestsFuzzTarget {
  /// The parameters in the first bytes of an input.
  package struct Choices {
    package let limits: MessageLimits
    package let bodyLimit: Int
    package let pieceSizes: [Int]
    package let stream: [UInt8]

    /// Nil if there is no stream.
    package init?(_ input: [UInt8]) {
      guard input.count > 4 else { return nil }
      var limits = MessageLimits()
      if input[0] & 1 == 1 {
        // So small that inputs of a few dozen bytes reach every limit.
        limits.maxTargetBytes = 24
        limits.maxHeaderSectionBytes = 192
        limits.maxFields = 4
        limits.maxChunkOverheadBytes = 32
        limits.maxChunkLineBytes = 24
      }
      self.limits = limits
      bodyLimit = input[0] & 2 == 2 ? 32 : 4096
      pieceSizes = input[1..<4].map { Int($0 & 31) + 1 }
      stream = Array(input[4...])
    }

    /// The ends of pieces whose sizes cycle.
    package func pieceEnds(of count: Int) -> [Int] {
      var (ends, end): ([Int], Int) = ([], 0)
      while end < count {
        end = min(count, end + pieceSizes[ends.count % pieceSizes.count])
        ends.append(end)
      }
      return ends
    }

    package func read(_ stream: [UInt8], pieceEnds ends: some Sequence<Int>) throws(Violation)
      -> RequestStream
    {
      try RequestStream(stream, pieceEnds: ends, limits: limits, bodyLimit: bodyLimit)
    }
  }

  static func run(_ input: [UInt8]) throws(Violation) {
    guard let choices = Choices(input) else { return }
    let stream = choices.stream
    let whole = try choices.read(stream, pieceEnds: [stream.count])
    try whole.requireSame(as: choices.read(stream, pieceEnds: choices.pieceEnds(of: stream.count)))
    try whole.requireSame(as: choices.read(stream, pieceEnds: 1...stream.count))
    for message in whole.messages { try check(message, of: choices) }
    try checkEnd(of: whole, choices)
  }

  static func checkGrowth(of input: [UInt8]) throws(Violation) {
    guard let choices = Choices(input) else { return }
    let copies = max(1, ProcessorTime.longInput / choices.stream.count)
    let stream = Array(repeatElement(choices.stream, count: copies).joined())
    try ProcessorTime.bound("a stream byte by byte") { () throws(Violation) in
      _ = try choices.read(stream, pieceEnds: 1...stream.count)
    }
  }
}

// MARK: - Against the reference

extension RequestsFuzzTarget {
  private static func check(_ message: RequestStream.Message, of choices: Choices) throws(Violation) {
    let stream = choices.stream[message.range]
    try check(message.head, at: message.range.lowerBound, of: choices)
    let rest = stream.dropFirst(message.head.byteCount)
    switch message.head.bodyFraming {
    case .none:
      try require(rest.isEmpty && message.body.isEmpty, "a request without a body has one")
    case .length(let length):
      try require(rest.count == length && rest.elementsEqual(message.body), "a body is not what was sent")
    case .chunked:
      let reference = ReferenceChunks(
        choices.stream[rest.startIndex...], limits: choices.limits, bodyLimit: choices.bodyLimit)
      try require(
        reference == .complete(body: message.body, length: rest.count),
        "chunks are read as \(message.body.count) bytes, and by the reference as \(reference)")
    }
  }

  private static func check(_ head: RequestHead, at start: Int, of choices: Choices) throws(Violation) {
    let stream = choices.stream[start...]
    try require(
      head.byteCount == ReferenceRequest.length(of: stream), "a header section ends at another place")
    let section = stream.prefix(head.byteCount)
    guard let reference = ReferenceRequest(section: section, limits: choices.limits) else {
      throw Violation(rule: "a header section is accepted that breaks a rule")
    }
    func same(_ text: String, _ bytes: [UInt8]) -> Bool { text.utf8.elementsEqual(bytes) }
    try require(same(head.method.name, reference.method), "the method is another")
    try require(head.target.segments.elementsEqual(reference.segments, by: same), "the path is another")
    try require(head.minorVersion == reference.minorVersion, "the version is another")
    try require(same(head.host, reference.host), "the host is another")
    try require(head.bodyFraming == reference.framing, "the framing is another")
    try require(head.isPersistent == reference.isPersistent, "the persistence is another")
    try require(head.expectsContinue == reference.expectsContinue, "the expectation is another")
    try require(head.fields.count == reference.fields.count, "there are more or fewer fields")
    for name in Set(reference.fields.map(\.name)) {
      let name = String(decoding: name, as: UTF8.self)
      let values = reference.values(name).map { String(decoding: $0, as: UTF8.self) }
      let found = head.fields.all(name)
      try require(found == values && found.first == head.fields.first(name), "the field \(name) is another")
      try require(
        found.allSatisfy { !$0.utf8.contains { ($0 < 32 && $0 != 9) || $0 == 127 } },
        "the field \(name) has a control character")
      let isSingle = head.fields.single(name) == .one(found[0])
      try require(isSingle == (found.count == 1), "the field \(name) is single, or is not")
    }
    try checkQuery(head.target, reference.query)
  }

  private static func checkQuery(_ target: RequestTarget, _ query: [UInt8]) throws(Violation) {
    let pairs = query.split(separator: UInt8(ascii: "&")).map { part in
      part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        .map { ReferenceRequest.percentDecoded(Array($0), plusIsSpace: true) }
    }
    guard let parameters = target.queryParameters else {
      return try require(pairs.contains { $0.contains(nil) }, "a query is refused that is well encoded")
    }
    try require(parameters.count == pairs.count, "there are more or fewer parameters")
    for (parameter, pair) in zip(parameters, pairs) {
      try require(
        Array(parameter.name.utf8) == pair[0]
          && Array(parameter.value.utf8) == (pair.count > 1 ? pair[1] : []),
        "a parameter is another")
    }
  }

  /// Rejected input must be invalid for the reference too, whatever would follow. Input that is complete for
  /// the reference must not be incomplete.
  private static func checkEnd(of result: RequestStream, _ choices: Choices) throws(Violation) {
    let rest = choices.stream[result.start...]
    guard result.end != .closed else { return }
    if let head = result.openHead {
      try check(head, at: result.start, of: choices)
      return try checkOpenBody(of: head, rest.dropFirst(head.byteCount), result.end, choices)
    }
    try require(
      result.end == .wantsMore || RequestHeadParser.hasBegun(Array(rest).span),
      "what is refused has not begun")
    if result.end == .wantsMore {
      try require(ReferenceRequest.length(of: rest) == nil, "a header section is complete and was not read")
      // A section that fills its limit and has not ended is too large with any next byte.
      return try require(
        rest.count <= choices.limits.maxHeaderSectionBytes, "a header section grows too large")
    }
    for completion in ["", "\r\n\r\n", "\n\r\n", " / HTTP/1.1\r\nHost: a\r\n\r\n", ": a\r\nHost: a\r\n\r\n"] {
      let completed = rest + Array(completion.utf8)
      guard let length = ReferenceRequest.length(of: completed) else { continue }
      try require(
        ReferenceRequest(section: completed.prefix(length), limits: choices.limits) == nil,
        "a header section is refused that keeps all rules with \(completion.debugDescription) after it")
    }
  }

  private static func checkOpenBody(
    of head: RequestHead, _ rest: ArraySlice<UInt8>, _ end: RequestStream.End, _ choices: Choices
  ) throws(Violation) {
    switch head.bodyFraming {
    case .none:
      throw Violation(rule: "a request without a body is not complete")
    case .length(let length):
      let isTooLarge = length > choices.bodyLimit
      try require((end == .refused(.bodyTooLarge)) == isTooLarge, "a length is within the limit, or is not")
      try require(isTooLarge || rest.count < length, "a body is complete and was not read")
    case .chunked:
      let reference = ReferenceChunks(rest, limits: choices.limits, bodyLimit: choices.bodyLimit)
      if case .complete = reference { throw Violation(rule: "chunks are complete and were not read") }
      try require(reference != .refused || end != .wantsMore, "chunks are awaited that break a rule")
    }
  }
}
