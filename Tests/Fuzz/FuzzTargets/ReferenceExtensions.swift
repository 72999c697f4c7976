/// A reference parser of chunk extensions (RFC 9112 section 7.1.1).
///
/// It is a byte-by-byte automaton.
enum ReferenceExtensions {
  private enum State {
    case afterSize, gap, beforeName, name, afterName, beforeValue, value, quoted, escaped, afterQuoted
  }

  static func accept(_ bytes: some Sequence<UInt8>) -> Bool {
    var state = State.afterSize
    for byte in bytes {
      guard let next = next(state, byte) else { return false }
      state = next
    }
    return [.afterSize, .name, .value, .afterQuoted].contains(state)
  }

  private static func next(_ state: State, _ byte: UInt8) -> State? {
    let isSpace = byte == 9 || byte == 32
    let isToken = ReferenceRequest.isToken([byte])
    let isText = byte == 9 || byte >= 32 && byte != 127
    switch (state, byte) {
    case (.quoted, UInt8(ascii: "\"")): return .afterQuoted
    case (.quoted, UInt8(ascii: "\\")): return .escaped
    case (.quoted, _), (.escaped, _): return isText ? .quoted : nil
    case (.beforeName, _): return isSpace ? .beforeName : isToken ? .name : nil
    case (.beforeValue, UInt8(ascii: "\"")): return .quoted
    case (.beforeValue, _): return isSpace ? .beforeValue : isToken ? .value : nil
    case (_, UInt8(ascii: ";")): return .beforeName
    case (.name, UInt8(ascii: "=")), (.afterName, UInt8(ascii: "=")): return .beforeValue
    case (.name, _): return isToken ? .name : isSpace ? .afterName : nil
    case (.afterName, _): return isSpace ? .afterName : nil
    case (.value, _) where isToken: return .value
    case (.afterSize, _), (.gap, _), (.value, _), (.afterQuoted, _): return isSpace ? .gap : nil
    }
  }
}
