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

  package mutating func integer(_ number: some BinaryInteger) {
    bytes.append(utf8: String(number))
  }

  /// A part of a text that was validated.
  package mutating func raw(_ slice: ArraySlice<UInt8>) {
    bytes.append(contentsOf: slice)
  }
}

extension JSONWriter {
  /// The members of one object that is being written. An optional value that is nil writes no member.
  package struct Object {
    fileprivate var writer: JSONWriter
    private var isEmpty = true

    fileprivate init(writer: consuming JSONWriter) {
      self.writer = writer
    }

    package mutating func member(_ name: String, string: String?) {
      guard let string else { return }
      member(name) { $0.string(string) }
    }

    package mutating func member(_ name: String, integer: (some BinaryInteger)?) {
      guard let integer else { return }
      member(name) { $0.integer(integer) }
    }

    package mutating func member(_ name: String, bool: Bool) {
      member(name) { $0.bytes.append(utf8: bool ? "true" : "false") }
    }

    package mutating func member(_ name: String, raw: ArraySlice<UInt8>?) {
      guard let raw else { return }
      member(name) { $0.raw(raw) }
    }

    package mutating func member(_ name: String, _ write: (inout JSONWriter) -> Void) {
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

  /// Appends `text` between quotes, with what JSON wants to be escaped (RFC 8259 section 7).
  package mutating func append(jsonString text: String) {
    append(UInt8(ascii: "\""))
    let bytes = text.utf8Span.span
    var start = 0
    var position = 0
    while true {
      position = PlainText.end(from: position, to: bytes.count, of: bytes)
      // What is beyond ASCII stands for itself too.
      while position < bytes.count, bytes[position] >= 0x80 { position += 1 }
      guard position == bytes.count || bytes[position].needsJSONEscape else { continue }
      // What needs no escape, which is nearly everything, is appended in one piece.
      bytes.extracting(start..<position).withUnsafeBufferPointer { append(contentsOf: $0) }
      guard position < bytes.count else { break }
      append(jsonEscapeOf: bytes[position])
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
      append(Self.hexDigit(byte >> 4))
      append(Self.hexDigit(byte & 0xF))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}

extension UInt8 {
  fileprivate var needsJSONEscape: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}
