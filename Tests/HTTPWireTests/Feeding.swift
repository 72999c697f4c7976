import HTTPWire

/// Feeds `bytes` in pieces that end at `ends`, as a connection does: every call sees all that has come so
/// far. Says what the section was read as; nil while more is wanted.
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

/// Feeds a chunked body in pieces that end at `ends`. As a connection does, it hands in again what was not
/// consumed.
func decode(
  _ bytes: [UInt8], pieceEnds ends: some Sequence<Int>, limits: MessageLimits = MessageLimits(),
  bodyLimit: Int = 64
) -> ChunkedResult {
  var decoder = ChunkedDecoder(limits: limits, bodyLimit: bodyLimit)
  var (body, consumed): ([UInt8], Int) = ([], 0)
  for end in ends {
    do throws(RequestError) {
      let piece = Array(bytes[consumed..<end])
      let progress = try decoder.decode(piece.span, into: &body)
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
