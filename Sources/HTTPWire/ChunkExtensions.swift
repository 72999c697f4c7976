internal import Bytes

/// Chunk extensions (RFC 9112 section 7.1.1), validated and ignored.
///
/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, where a value is a token or a quoted string. None is
/// recognized, so all are skipped. Malformed ones are rejected, because another reader might take them for
/// the end of the line.
enum ChunkExtensions {
  static func check(_ range: Range<Int>, in input: Span<UInt8>) throws(RequestError) {
    var rest = Cursor(index: range.lowerBound, end: range.upperBound)
    // Ends: every round consumes a semicolon.
    while !rest.isAtEnd {
      rest.skipWhitespace(in: input)
      guard rest.skip(UInt8(ascii: ";"), in: input) else { throw .malformedChunkSize }
      rest.skipWhitespace(in: input)
      guard rest.skipToken(in: input) else { throw .malformedChunkSize }
      var value = rest
      value.skipWhitespace(in: input)
      guard value.skip(UInt8(ascii: "="), in: input) else { continue }
      value.skipWhitespace(in: input)
      guard value.skipToken(in: input) || value.skipQuotedString(in: input) else { throw .malformedChunkSize }
      rest = value
    }
  }

  private struct Cursor {
    var index: Int
    let end: Int

    var isAtEnd: Bool { index == end }

    mutating func skip(_ byte: UInt8, in input: Span<UInt8>) -> Bool {
      guard index < end, input[index] == byte else { return false }
      index += 1
      return true
    }

    mutating func skipWhitespace(in input: Span<UInt8>) {
      while index < end, input[index].isOptionalWhitespace { index += 1 }
    }

    /// False if there is no token character.
    mutating func skipToken(in input: Span<UInt8>) -> Bool {
      let start = index
      while index < end, input[index].isTokenCharacter { index += 1 }
      return index > start
    }

    /// RFC 9110 section 5.6.4. False if there is no quoted string, or it does not end.
    mutating func skipQuotedString(in input: Span<UInt8>) -> Bool {
      guard skip(UInt8(ascii: "\""), in: input) else { return false }
      while index < end {
        let byte = input[index]
        index += 1
        if byte == UInt8(ascii: "\"") { return true }
        guard byte.isFieldValueCharacter else { return false }
        guard byte == UInt8(ascii: "\\") else { continue }
        guard index < end, input[index].isFieldValueCharacter else { return false }
        index += 1
      }
      return false
    }
  }
}
