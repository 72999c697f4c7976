internal import EventLoop
internal import HTTPWire

/// A request that was admitted as a stream.
///
/// A class, because a connection's task keeps the memory of its largest frames, also while it is idle.
final class AdmittedStream {
  let head: RequestHead
  let maxBodyBytes: Int
  let respond: StreamResponder

  init(head: RequestHead, maxBodyBytes: Int, respond: @escaping StreamResponder) {
    self.head = head
    self.maxBodyBytes = maxBodyBytes
    self.respond = respond
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
    let head = admitted.head
    let exchange = StreamExchange(context: context, transport: transport, entry: entry)
    let body = BodyReader(
      of: head, limit: admitted.maxBodyBytes, input: receiver.lendInput(), exchange: exchange)
    let request = StreamedRequest(head: head, peer: peer, body: body, exchange: exchange)
    defer { exchange.end() }
    var hasBegun = false
    do throws(StreamFailure) {
      let response = try await admitted.respond(request)
      // Its producer may read the body, and no interim response may follow a final one.
      if case .stream(let responseHead, _) = response,
        ResponseEncoder.hasContent(responseHead, answering: head.method)
      {
        try await body.sendContinue()
      }
      hasBegun = true
      let isKept =
        !isLast && head.isPersistent && context.phase == .serving && body.bytesWorthSkipping != nil
      let option = isKept ? Self.option(keeping: head) : .close
      switch response {
      case .whole(let response):
        enqueue(response, to: head.method, option)
        guard await flush() else { return .cut }
        return isKept ? await skip(body, by: &receiver) : .complete
      case .stream(let responseHead, let produce):
        let framing = ResponseFraming(of: responseHead, minorVersion: head.minorVersion)
        let hasContent = ResponseEncoder.hasContent(responseHead, answering: head.method)
        let isDelimited = framing != .close || !hasContent
        let date = context.dateField
        exchange.append { buffer in
          ResponseEncoder.appendHead(
            of: responseHead, framing: framing, to: &buffer, date: date,
            connection: isDelimited ? option : .close)
        }
        if hasContent {
          exchange.isEndless = responseHead.contentLength == nil
          let writer = ResponseWriter(framing: framing, exchange: exchange)
          try await produce(writer)
          try await writer.end()
        } else {
          try await exchange.flush()
        }
        return isKept && isDelimited ? await skip(body, by: &receiver) : .complete
      }
    } catch {
      // A response that has begun can only be cut.
      guard !hasBegun, let refusal = error.refusal else { return .cut }
      enqueue(context.handler.refuse(refusal, from: peer), to: head.method, .close)
      return await flush() ? .complete : .cut
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
