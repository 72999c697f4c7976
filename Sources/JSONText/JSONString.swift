internal import Bytes

/// String tokens (RFC 8259 section 7).
package enum JSONString {
  /// Validates the string whose opening quote is at `start`.
  ///
  /// - Returns: the offset after its closing quote.
  static func end(from start: Int, to end: Int, of text: Span<UInt8>) throws(JSONError) -> Int {
    var position = start + 1
    // Bounded by the text: every round consumes some of it.
    while true {
      position = PlainText.end(from: position, to: end, of: text)
      guard position < end else { break }
      switch text[position] {
      case UInt8(ascii: "\""): return position + 1
      case UInt8(ascii: "\\"): position = try endOfEscape(at: position, to: end, of: text)
      case 0..<0x20: throw JSONError(.controlCharacter, at: position)
      default:
        // Non-ASCII characters come in runs: words, and progress bars.
        repeat {
          let length = UTF8Sequence.length(at: position, to: end, of: text)
          guard length > 0 else { throw JSONError(.invalidUTF8, at: position) }
          position += length
        } while position < end && text[position] >= 0x80
      }
    }
    throw JSONError(.unexpectedEnd, at: position)
  }

  private static func endOfEscape(at start: Int, to end: Int, of text: Span<UInt8>) throws(JSONError) -> Int {
    guard start + 1 < end else { throw JSONError(.unexpectedEnd, at: end) }
    switch text[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return start + 2
    case UInt8(ascii: "u"):
      guard start + 6 <= end else { throw JSONError(.unexpectedEnd, at: end) }
      guard codeUnit(at: start + 2, of: text) != nil else { throw JSONError(.invalidEscape, at: start) }
      return start + 6
    default:
      throw JSONError(.invalidEscape, at: start)
    }
  }

  /// Parses four hexadecimal digits.
  ///
  /// Never inlined, because ``isName(_:_:in:)`` must stay small: it is called for each member of an object.
  @inline(never)
  private static func codeUnit(at start: Int, of text: Span<UInt8>) -> UInt16? {
    var unit: UInt16 = 0
    for index in start..<start + 4 {
      guard let digit = text[index].hexadecimalDigit else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }
}

extension JSONString {
  /// Decodes the raw text of `range`, which is validated and excludes the quotes.
  ///
  /// An unpaired surrogate becomes U+FFFD: JSON allows it, but Unicode has no such character.
  package static func decode(_ range: Range<Int>, of text: Span<UInt8>) -> String {
    let raw = text.extracting(range)
    guard raw.contains(UInt8(ascii: "\\")) else {
      return raw.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(raw.count)
    var position = 0
    while position < raw.count {
      guard raw[position] == UInt8(ascii: "\\"), position + 1 < raw.count else {
        bytes.append(raw[position])
        position += 1
        continue
      }
      switch raw[position + 1] {
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "u"):
        let (scalar, length) = scalar(at: position, of: raw)
        bytes.append(contentsOf: String(Character(scalar)).utf8)
        position += length
        continue
      default: bytes.append(raw[position + 1])
      }
      position += 2
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the validated raw text of `range` represents `string`, byte for byte.
  package static func means(_ range: Range<Int>, _ string: String, in text: Span<UInt8>) -> Bool {
    let (raw, bytes) = (text.extracting(range), string.utf8Span.span)
    // Text without escapes represents itself.
    guard !raw.contains(UInt8(ascii: "\\")) else {
      return decode(range, of: text).utf8.elementsEqual(string.utf8)
    }
    guard raw.count == bytes.count else { return false }
    for index in raw.indices where raw[index] != bytes[index] { return false }
    return true
  }

  /// Whether the validated raw text of `range` represents `name`.
  ///
  /// `name` consists of ASCII letters, digits and underscores. The comparison is by bytes, because in Unicode
  /// the Kelvin sign matches K. It copies nothing, because an object may have a million members.
  @inline(__always)
  static func isName(_ range: Range<Int>, _ name: Span<UInt8>, in text: Span<UInt8>) -> Bool {
    // Each escape makes it five bytes longer. So most names that differ have another length.
    let excess = range.count &- name.count
    guard excess >= 0, UInt(bitPattern: excess) % 5 == 0 else { return false }
    var position = range.lowerBound
    for index in name.indices {
      let byte = name[index]
      guard position < range.upperBound else { return false }
      if text[position] == byte {
        position += 1
      } else {
        // Only the four-digit escapes can represent such characters.
        guard text[position] == UInt8(ascii: "\\"), position + 6 <= range.upperBound,
          text[position + 1] == UInt8(ascii: "u"), codeUnit(at: position + 2, of: text) == UInt16(byte)
        else { return false }
        position += 6
      }
    }
    return position == range.upperBound
  }

  /// Decodes a `\u` escape or a surrogate pair.
  ///
  /// - Returns: the scalar, and the length of the escapes.
  static func scalar(at start: Int, of raw: Span<UInt8>) -> (Unicode.Scalar, length: Int) {
    let replacement: Unicode.Scalar = "\u{FFFD}"
    guard start + 6 <= raw.count, let unit = codeUnit(at: start + 2, of: raw) else {
      return (replacement, raw.count - start)
    }
    if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
    guard UTF16.isLeadSurrogate(unit), start + 12 <= raw.count, raw[start + 6] == UInt8(ascii: "\\"),
      raw[start + 7] == UInt8(ascii: "u"), let trail = codeUnit(at: start + 8, of: raw),
      UTF16.isTrailSurrogate(trail)
    else { return (replacement, 6) }
    let value = 0x10000 + UInt32(unit - 0xD800) << 10 + UInt32(trail - 0xDC00)
    return (Unicode.Scalar(value) ?? replacement, 12)
  }

  /// The longest valid suffix of a raw text, at most `limit` bytes.
  ///
  /// It starts inside no escape, surrogate pair or UTF-8 sequence.
  package static func tail(of range: Range<Int>, limit: Int, in text: Span<UInt8>) -> Range<Int> {
    guard range.count > limit else { return range }
    let earliest = range.upperBound - limit
    var position = range.lowerBound
    // From the front, because a backslash read backwards may start an escape or be escaped itself.
    while position < earliest {
      if text[position] == UInt8(ascii: "\\") {
        position +=
          text[position + 1] == UInt8(ascii: "u") ? escapedScalarLength(at: position, in: range, of: text) : 2
      } else {
        position +=
          text[position] < 0x80
          ? 1 : max(1, UTF8Sequence.length(at: position, to: range.upperBound, of: text))
      }
    }
    return min(position, range.upperBound)..<range.upperBound
  }

  private static func escapedScalarLength(at start: Int, in range: Range<Int>, of text: Span<UInt8>) -> Int {
    scalar(at: 0, of: text.extracting(start..<range.upperBound)).length
  }
}

/// Well-formed UTF-8 (RFC 3629 section 4).
enum UTF8Sequence {
  /// The length of the multi-byte sequence at `start`; 0 if it is malformed.
  static func length(at start: Int, to end: Int, of text: Span<UInt8>) -> Int {
    let length: Int
    // The second byte's range excludes overlong forms, surrogates and everything above U+10FFFF.
    let second: ClosedRange<UInt8>
    switch text[start] {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return 0
    }
    guard start + length <= end, second.contains(text[start + 1]) else { return 0 }
    for index in start + 2..<max(start + 2, start + length) {
      guard (0x80...0xBF).contains(text[index]) else { return 0 }
    }
    return length
  }
}
