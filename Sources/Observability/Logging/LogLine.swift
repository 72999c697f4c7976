internal import JSONText
internal import Logging
internal import Time

/// One line of the log, written field by field: JSON for machines, or text for people.
///
/// `{"time":"…","level":"info","message":"delivery","outcome":"applied","bytes":2512}` or
/// `2026-11-22T10:00:02.340Z info    delivery outcome=applied bytes=2512`
package struct LogLine {
  private let format: LogFormat
  private var bytes: [UInt8] = []

  /// - Parameter hasPriority: whether the line begins with its priority, such as `<5>`: see sd-daemon(3).
  init(
    _ format: LogFormat, at time: Timestamp, level: Logger.Level, message: String, hasPriority: Bool = false
  ) {
    self.format = format
    // A delivery takes about 250 bytes as text.
    bytes.reserveCapacity(384)
    if hasPriority { bytes.append(utf8: level.priorityPrefix) }
    let level = level.rawValue
    switch format {
    case .json:
      bytes.append(utf8: "{\"time\":\"")
      bytes.append(utf8: time.rfc3339)
      bytes.append(utf8: "\"")
      add("level", level)
      add("message", message)
    case .text:
      bytes.append(utf8: time.rfc3339)
      bytes.append(UInt8(ascii: " "))
      bytes.append(utf8: level)
      // The longest level has eight letters.
      bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(1, 8 - level.utf8.count)))
      bytes.append(utf8: message)
    }
  }

  package mutating func add(_ name: String, _ text: String) {
    begin(name)
    switch format {
    case .json: bytes.append(jsonString: text)
    case .text: bytes.append(utf8: Self.isPlain(text) ? text : Self.quoted(text))
    }
  }

  /// Adds a number, which stays one in JSON.
  package mutating func add(_ name: String, _ number: some BinaryInteger) {
    begin(name)
    bytes.append(utf8: number.description)
  }

  mutating func add(_ name: String, _ value: LogValue) {
    if case .text(let text) = value { return add(name, text) }
    begin(name)
    bytes.append(utf8: value.description)
  }

  private mutating func begin(_ name: String) {
    switch format {
    case .json:
      bytes.append(UInt8(ascii: ","))
      bytes.append(jsonString: name)
      bytes.append(UInt8(ascii: ":"))
    case .text:
      bytes.append(UInt8(ascii: " "))
      bytes.append(utf8: name)
      bytes.append(UInt8(ascii: "="))
    }
  }

  /// The whole line, with its newline.
  consuming func ended() -> [UInt8] {
    bytes.append(utf8: format == .json ? "}\n" : "\n")
    return bytes
  }

  private static func isPlain(_ value: String) -> Bool {
    let bytes = value.utf8Span.span
    for index in bytes.indices {
      guard (0x21...0x7E).contains(bytes[index]), bytes[index] != UInt8(ascii: "\"") else { return false }
    }
    return !value.isEmpty
  }

  /// Quotes and escapes a value that has anything but visible ASCII, so that no input can forge a line.
  ///
  /// Beyond ASCII, Unicode has line ends, and characters that turn a terminal's writing direction.
  private static func quoted(_ value: String) -> String {
    let escaped = value.unicodeScalars.map { scalar in
      // Swift escapes apostrophes too, which need no escape between double quotes.
      scalar == "'" ? "'" : scalar.escaped(asASCII: true)
    }
    return "\"" + escaped.joined() + "\""
  }
}

extension Logger.Level {
  /// The priority of syslog(3), as systemd's journal reads it at the beginning of a line.
  fileprivate var priorityPrefix: String {
    switch self {
    case .critical: "<2>"
    case .error: "<3>"
    case .warning: "<4>"
    case .notice: "<5>"
    case .info: "<6>"
    case .debug, .trace: "<7>"
    }
  }
}
