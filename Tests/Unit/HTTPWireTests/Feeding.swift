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
