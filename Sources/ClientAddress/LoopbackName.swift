internal import Bytes

/// The names by which a machine reaches itself: `localhost`, `[::1]` and the addresses of 127.0.0.0/8.
package enum LoopbackName {
  /// Whether `host`, with a port or without, is `localhost`, `[::1]` or an address of 127.0.0.0/8.
  package static func isNamed(by host: String) -> Bool {
    let bytes = host.utf8Span.span
    let isBracketed = !bytes.isEmpty && bytes[0] == UInt8(ascii: "[")
    let start = isBracketed ? 1 : 0
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: isBracketed ? "]" : ":") { end += 1 }
    guard start < end else { return false }
    return switch bytes[start] {
    case UInt8(ascii: "1"): isLoopbackV4(bytes.extracting(start..<end))
    case UInt8(ascii: ":"): bytes.matches("::1".utf8Span.span, in: start..<end)
    default: bytes.matches("localhost".utf8Span.span, in: start..<end)
    }
  }

  /// Four numbers, the first of them written `127`.
  private static func isLoopbackV4(_ name: Span<UInt8>) -> Bool {
    let first = "127."
    guard name.count > first.utf8.count, name.matches(first.utf8Span.span, in: 0..<first.utf8.count) else {
      return false
    }
    var (numbers, digits, value) = (2, 0, 0)
    for index in first.utf8.count..<name.count {
      switch name[index] {
      case UInt8(ascii: "."):
        guard digits > 0 else { return false }
        (numbers, digits, value) = (numbers + 1, 0, 0)
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        (digits, value) = (digits + 1, value * 10 + Int(name[index] - UInt8(ascii: "0")))
        guard value < 256 else { return false }
      default: return false
      }
    }
    return numbers == 4 && digits > 0
  }
}
