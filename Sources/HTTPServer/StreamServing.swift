internal import EventLoop
internal import HTTPWire

/// A request that was admitted as a stream.
///
/// A class, because a connection's task keeps the memory of its largest frames, also while it is idle.
final class AdmittedStream {
  let head: RequestHead
  let maxBodyBytes: Int
  let respond: StreamResponder
  let observer: (any ResponseObserver)?

  init(
    head: RequestHead, maxBodyBytes: Int, respond: @escaping StreamResponder,
    observer: (any ResponseObserver)?
  ) {
    self.head = head
    self.maxBodyBytes = maxBodyBytes
    self.respond = respond
    self.observer = observer
  }
}

extension Connection {
  private enum StreamEnd {
    /// The connection serves the next request.
    case kept
    /// The response is complete, and the connection ends with it.
    case complete
    /// The response is incomplete, or there is none.
    case cut
  }

  /// Serves a request whose body or response is streamed.
  ///
  /// Never inlined: its frame would become part of every request's.
  ///
  /// - Returns: false if the connection ends with it.
  @inline(never)
  func serveStream(
    _ admitted: AdmittedStream, from receiver: inout RequestReceiver, isLast: Bool
  ) async -> Bool {
    context.move(entry, to: .handling)
    let end = await respond(to: admitted, from: &receiver, isLast: isLast)
    context.endStream(entry)
    if end == .complete { await linger() }
    return end == .kept
  }

  private func respond(
    to admitted: AdmittedStream, from receiver: inout RequestReceiver, isLast: Bool
  ) async -> StreamEnd {
    let exchange = StreamExchange(context: context, transport: transport, entry: entry)
    let body = BodyReader(
      of: admitted.head, limit: admitted.maxBodyBytes, input: receiver.lendInput(), exchange: exchange)
    defer { exchange.end() }
    var hasBegun = false
    do throws(StreamFailure) {
      let begun = try await begin(admitted, body, over: exchange, isLast: isLast)
      hasBegun = true
      if begun.isWhole {
        guard await flush() else { return .cut }
      } else if let (produce, writer) = begun.content {
        try await produce(writer)
        try await writer.end()
      } else {
        try await exchange.flush()
      }
      return begun.isKept ? await skip(body, by: &receiver) : .complete
    } catch {
      // A response that has begun can only be cut.
      guard !hasBegun, let refusal = error.refusal else { return .cut }
      let response = context.handler.refuse(refusal, of: admitted.head, from: peer)
      enqueue(response, to: admitted.head.method, .close)
      return await flush() ? .complete : .cut
    }
  }

  /// A response that is ready to be sent, or whose content is still to be written.
  private final class BegunResponse {
    /// Whether the connection serves the next request.
    let isKept: Bool
    let isWhole: Bool
    /// Nil where there is no content to write.
    let content: (produce: (ResponseWriter) async throws(StreamFailure) -> Void, writer: ResponseWriter)?

    init(
      isKept: Bool, isWhole: Bool = false,
      content: (produce: (ResponseWriter) async throws(StreamFailure) -> Void, writer: ResponseWriter)? = nil
    ) {
      (self.isKept, self.isWhole, self.content) = (isKept, isWhole, content)
    }
  }

  /// Calls the handler, and queues what it responds, or the head of that.
  ///
  /// Never inlined: a response is large, and a stream keeps the memory of the frames that last.
  @inline(never)
  private func begin(
    _ admitted: AdmittedStream, _ body: BodyReader, over exchange: StreamExchange, isLast: Bool
  ) async throws(StreamFailure) -> BegunResponse {
    let response = try await admitted.respond(
      StreamedRequest(head: admitted.head, peer: peer, body: body, exchange: exchange))
    let head = admitted.head
    // Its producer may read the body, and no interim response may follow a final one.
    if case .stream(let responseHead, _) = response,
      ResponseEncoder.hasContent(responseHead, answering: head.method)
    {
      try await body.sendContinue()
    }
    let isKept =
      !isLast && head.isPersistent && context.phase == .serving && body.bytesWorthSkipping != nil
    let option = isKept ? Self.option(keeping: head) : .close
    switch response {
    case .whole(let response):
      admitted.observer?.noteResponse(response.status.code)
      enqueue(response, to: head.method, option)
      return BegunResponse(isKept: isKept, isWhole: true)
    case .stream(let responseHead, let produce):
      admitted.observer?.noteResponse(responseHead.status.code)
      let framing = ResponseFraming(of: responseHead, minorVersion: head.minorVersion)
      let hasContent = ResponseEncoder.hasContent(responseHead, answering: head.method)
      let isDelimited = framing != .close || !hasContent
      let date = context.dateField
      exchange.append { buffer in
        ResponseEncoder.appendHead(
          of: responseHead, framing: framing, to: &buffer, date: date,
          connection: isDelimited ? option : .close)
      }
      guard hasContent else { return BegunResponse(isKept: isKept) }
      exchange.isEndless = responseHead.contentLength == nil
      return BegunResponse(
        isKept: isKept && isDelimited,
        content: (produce, ResponseWriter(framing: framing, exchange: exchange)))
    }
  }

  /// Discards what the handler has left of a small body.
  private func skip(_ body: BodyReader, by receiver: inout RequestReceiver) async -> StreamEnd {
    receiver.takeBack(body.input)
    guard let rest = body.bytesWorthSkipping else { return .complete }
    context.move(entry, to: .waiting)
    return await receiver.skipBody(of: rest) ? .kept : .cut
  }
}
