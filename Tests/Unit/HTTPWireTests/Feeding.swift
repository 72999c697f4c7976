import HTTPWire

/// Parses `bytes` in pieces that end at `ends`, like a connection.
///
/// Every call gets all bytes received so far. Nil while the section is incomplete.
func parse(
  _ bytes: [UInt8], pieceEnds ends: some Sequence<Int>, limits: MessageLimits = MessageLimits()
) -> Expectation? {
  var parser = RequestHeadParser(limits: limits)
  for end in ends {
    let piece = Array(bytes.prefix(end))
    do throws(RequestError) {
      guard let head = try parser.parse(piece.span) else { continue }
      return .accepted(head.bodyFraming, isPersistent: head.isPersistent)
    } catch {
      return .refused(error)
    }
  }
  return nil
}

/// Decodes a chunked body in pieces that end at `ends`.
///
/// Like a connection, it passes in again the bytes that were not consumed.
///
/// - Parameter streams: the content of every call goes into a buffer of its own.
func decode(
  _ bytes: [UInt8], pieceEnds ends: some Sequence<Int>, limits: MessageLimits = MessageLimits(),
  bodyLimit: Int = 64, streams: Bool = false
) -> ChunkedResult {
  var decoder = ChunkedDecoder(limits: limits, bodyLimit: bodyLimit)
  var (body, consumed): ([UInt8], Int) = ([], 0)
  for end in ends {
    do throws(RequestError) {
      let piece = Array(bytes[consumed..<end])
      var buffer = streams ? [] : body
      let progress = try decoder.decode(piece.span, into: &buffer)
      body = streams ? body + buffer : buffer
      consumed += progress.consumed
      if progress.isComplete {
        return .complete(String(decoding: body, as: UTF8.self), left: bytes.count - consumed)
      }
    } catch {
      return .refused(error)
    }
  }
  return .incomplete
}
