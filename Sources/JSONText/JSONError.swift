/// The reason a text is not the expected JSON, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Reason: String, Sendable {
    case unexpectedByte = "unexpected byte"
    case unexpectedEnd = "the text ends too early"
    case invalidEscape = "invalid escape"
    case controlCharacter = "control character in a string"
    case invalidNumber = "invalid number"
    case invalidUTF8 = "invalid UTF-8"
    case nestedTooDeeply = "nested too deeply"
    case trailingContent = "something follows the value"
    case notAnObject = "not an object"
  }

  package let reason: Reason
  /// The offset from the start of the text, in bytes.
  package let offset: Int

  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  package var description: String { "\(reason.rawValue) at byte \(offset)" }
}
