internal import EventLoop
internal import JSONText
internal import Jobs
package import Logging

/// One line a record: JSON for machines, or text for people.
///
/// `{"time":"…","level":"info","message":"delivery","prediction_id":"…",…}`, metadata in alphabetical order after the
/// three fixed members.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  package var metadataProvider: Logger.MetadataProvider?
  private let format: LogFormat
  private let sink: LogSink

  package init(level: Logger.Level, format: LogFormat, sink: LogSink) {
    logLevel = level
    self.format = format
    self.sink = sink
  }

  package subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let own = event.metadata ?? [:]
    let merged = metadata.isEmpty ? own : metadata.merging(own) { $1 }
    let fields = merged.sorted { $0.key < $1.key }.map { ($0.key, Self.text(of: $0.value)) }
    write(event.level, "\(event.message)", fields)
  }

  /// The way of a record that is written for every delivery, without the dictionary that the logging interface wants.
  ///
  /// - Parameter fields: in alphabetical order.
  func log(
    _ level: Logger.Level, _ message: String, fields: @autoclosure () -> [(name: String, value: String)]
  ) {
    if level >= logLevel { write(level, message, fields()) }
  }

  private func write(_ level: Logger.Level, _ message: String, _ fields: [(name: String, value: String)]) {
    let time = Timestamp(milliseconds: WallClock.milliseconds).rfc3339
    let record = LogRecord(time: time, level: level.rawValue, message: message, fields: fields)
    sink.write(format == .json ? record.json : record.text)
  }
}

extension LineLogHandler {
  private static func text(of value: Logger.MetadataValue) -> String {
    guard case .string(let text) = value else { return "\(value)" }
    return text
  }
}

/// One record, before it becomes a line.
struct LogRecord {
  let time: String
  let level: String
  let message: String
  let fields: [(name: String, value: String)]

  var json: [UInt8] {
    var writer = JSONWriter()
    writer.object { object in
      object.member("time", string: time)
      object.member("level", string: level)
      object.member("message", string: message)
      for (name, value) in fields { object.member(name, string: value) }
    }
    return writer.bytes + [UInt8(ascii: "\n")]
  }

  /// `2026-11-22T10:00:02.340Z info  delivery outcome=applied bytes=2512`
  var text: [UInt8] {
    var line: [UInt8] = []
    // A delivery takes about 250 bytes.
    line.reserveCapacity(320)
    line += time.utf8
    line.append(UInt8(ascii: " "))
    line += level.utf8
    line.append(contentsOf: repeatElement(UInt8(ascii: " "), count: max(1, 8 - level.utf8.count)))
    line += message.utf8
    for (name, value) in fields {
      line.append(UInt8(ascii: " "))
      line += name.utf8
      line.append(UInt8(ascii: "="))
      line += Self.quoted(value).utf8
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// A value with anything but visible ASCII is quoted and escaped, so that no input can forge a line: among what Unicode
  /// has beyond it are ends of lines, and characters that turn the direction in which a terminal writes.
  private static func quoted(_ value: String) -> String {
    let bytes = value.utf8Span.span
    let isPlain = bytes.indices.allSatisfy { index in
      (0x21...0x7E).contains(bytes[index]) && bytes[index] != UInt8(ascii: "\"")
    }
    guard !isPlain || value.isEmpty else { return value }
    let escaped = value.unicodeScalars.map { scalar in
      // Swift escapes apostrophes too, which need no escape between double quotes.
      scalar == "'" ? "'" : scalar.escaped(asASCII: true)
    }
    return "\"" + escaped.joined() + "\""
  }
}
