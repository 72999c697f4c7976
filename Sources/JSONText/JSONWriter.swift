internal import Bytes

/// Appends JSON to a buffer of bytes.
///
///     var writer = JSONWriter()
///     writer.object { object in
///       object.member("id", string: id)
///       object.member("output", raw: slice)
///     }
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []

  package init(capacity: Int = 512) {
    bytes.reserveCapacity(capacity)
  }

  package mutating func object(_ fill: (inout Object) -> Void) {
    var object = Object(writer: consume self)
    object.writer.bytes.append(UInt8(ascii: "{"))
    fill(&object)
    object.writer.bytes.append(UInt8(ascii: "}"))
    self = object.writer
  }

  package mutating func array<Elements: Sequence>(
    _ elements: Elements, _ write: (inout JSONWriter, Elements.Element) -> Void
  ) {
    bytes.append(UInt8(ascii: "["))
    var isFirst = true
    for element in elements {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      write(&self, element)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  package mutating func string(_ text: String) {
    bytes.append(jsonString: text)
  }

  /// Appends a string from its raw text, which is escaped already.
  package mutating func string(raw text: Span<UInt8>) {
    text.withUnsafeBufferPointer { bytes.append(quoting: $0) }
  }

  package mutating func integer(_ number: Int64) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    bytes.append(digitsOf: number.magnitude)
  }

  /// Appends a number with `places` decimal places: 1834 with 3 of them is `1.834`.
  ///
  /// - Parameters:
  ///   - units: the number in units of the last place.
  ///   - places: 1 to 18.
  package mutating func decimal(_ units: Int64, places: Int) {
    if units < 0 { bytes.append(UInt8(ascii: "-")) }
    let one = (0..<places).reduce(1 as UInt64) { power, _ in power * 10 }
    bytes.append(digitsOf: units.magnitude / one)
    bytes.append(UInt8(ascii: "."))
    bytes.append(digitsOf: units.magnitude % one, minDigits: places)
  }

  /// Appends a part of a validated text.
  package mutating func raw(_ slice: ArraySlice<UInt8>) {
    slice.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
  }
}

extension JSONWriter {
  /// Writes the members of one object. An optional value that is nil writes no member.
  package struct Object {
    fileprivate var writer: JSONWriter
    private var isEmpty = true

    fileprivate init(writer: consuming JSONWriter) {
      self.writer = writer
    }

    package mutating func member(_ name: StaticString, string: String?) {
      guard let string else { return }
      member(name) { $0.string(string) }
    }

    package mutating func member(_ name: StaticString, integer: Int?) {
      guard let integer else { return }
      member(name) { $0.integer(Int64(integer)) }
    }

    package mutating func member(_ name: StaticString, integer: Int64?) {
      guard let integer else { return }
      member(name) { $0.integer(integer) }
    }

    package mutating func member(_ name: StaticString, bool: Bool) {
      member(name) { $0.bytes.append(utf8: bool ? "true" : "false") }
    }

    package mutating func member(_ name: StaticString, raw: ArraySlice<UInt8>?) {
      guard let raw else { return }
      member(name) { $0.raw(raw) }
    }

    /// Appends a member.
    ///
    /// - Parameter name: a literal that needs no escape.
    package mutating func member(_ name: StaticString, _ write: (inout JSONWriter) -> Void) {
      append(name)
      isEmpty = false
      write(&writer)
    }

    /// Appends `,"name":` in one piece, because each append costs more than the bytes.
    private mutating func append(_ name: StaticString) {
      let count = name.utf8CodeUnitCount
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count + 4) { piece in
        piece[0] = UInt8(ascii: ",")
        piece[1] = UInt8(ascii: "\"")
        let name = UnsafeRawBufferPointer(start: name.utf8Start, count: count)
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(piece)[2...]).copyMemory(
          from: name)
        piece[count + 2] = UInt8(ascii: "\"")
        piece[count + 3] = UInt8(ascii: ":")
        writer.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: piece[(isEmpty ? 1 : 0)...]))
      }
    }

    /// Appends a member.
    ///
    /// - Parameter name: any text.
    package mutating func member(named name: String, _ write: (inout JSONWriter) -> Void) {
      if !isEmpty { writer.bytes.append(UInt8(ascii: ",")) }
      isEmpty = false
      writer.string(name)
      writer.bytes.append(UInt8(ascii: ":"))
      write(&writer)
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of `text`.
  package mutating func append(utf8 text: String) {
    text.utf8Span.span.withUnsafeBufferPointer { append(contentsOf: $0) }
  }

  /// Appends the decimal digits of `number`, padded with zeros to `minDigits`, at most 20.
  mutating func append(digitsOf number: UInt64, minDigits: Int = 1) {
    var digits = InlineArray<20, UInt8>(repeating: UInt8(ascii: "0"))
    var first = digits.count
    var rest = number
    while rest > 0 {
      first -= 1
      digits[first] += UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    let written = digits.span.extracting(Swift.min(first, digits.count - minDigits)..<digits.count)
    written.withUnsafeBufferPointer { append(contentsOf: $0) }
  }

  /// Appends `text` between quotes, escaped as JSON requires (RFC 8259 section 7).
  package mutating func append(jsonString text: String) {
    let bytes = text.utf8Span.span
    guard PlainText.end(from: 0, to: bytes.count, of: bytes) == bytes.count else {
      return append(escaping: bytes)
    }
    // The fast path: nearly every string.
    bytes.withUnsafeBufferPointer { append(quoting: $0) }
  }

  /// Appends `text` between quotes, as it is.
  fileprivate mutating func append(quoting text: UnsafeBufferPointer<UInt8>) {
    append(UInt8(ascii: "\""))
    append(contentsOf: text)
    append(UInt8(ascii: "\""))
  }

  private mutating func append(escaping text: Span<UInt8>) {
    append(UInt8(ascii: "\""))
    var start = 0
    var position = 0
    while true {
      position = PlainText.end(from: position, to: text.count, of: text)
      // Non-ASCII characters need no escape either.
      while position < text.count, text[position] >= 0x80 { position += 1 }
      guard position == text.count || text[position].needsJSONEscape else { continue }
      // Text without escapes, which is nearly everything, is appended in one piece.
      text.extracting(start..<position).withUnsafeBufferPointer { append(contentsOf: $0) }
      guard position < text.count else { break }
      append(jsonEscapeOf: text[position])
      position += 1
      start = position
    }
    append(UInt8(ascii: "\""))
  }

  private mutating func append(jsonEscapeOf byte: UInt8) {
    append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
    case 0x0A: append(UInt8(ascii: "n"))
    case 0x0D: append(UInt8(ascii: "r"))
    case 0x09: append(UInt8(ascii: "t"))
    default:
      append(utf8: "u00")
      append(Hexadecimal.digit(byte >> 4))
      append(Hexadecimal.digit(byte & 0xF))
    }
  }
}

extension UInt8 {
  fileprivate var needsJSONEscape: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}
