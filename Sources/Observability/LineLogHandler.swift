internal import EventLoop
internal import Jobs
package import Logging
internal import Time

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
    write(event.level, "\(event.message)") { line in
      for (name, value) in merged.sorted(by: { $0.key < $1.key }) { line.add(name, value) }
    }
  }

  /// The way of a record that is written for every delivery, without the dictionary that the logging interface wants.
  ///
  /// - Parameter fields: adds them, in alphabetical order. Not called where records of that level are not written.
  package func log(_ level: Logger.Level, _ message: String, fields: (inout LogLine) -> Void) {
    if level >= logLevel { write(level, message, fields) }
  }

  private func write(_ level: Logger.Level, _ message: String, _ fields: (inout LogLine) -> Void) {
    let time = Timestamp(milliseconds: WallClock.milliseconds)
    var line = LogLine(format, at: time, level: level.rawValue, message: message)
    fields(&line)
    sink.write(line.ended())
  }
}

extension LogLine {
  fileprivate mutating func add(_ name: String, _ value: Logger.MetadataValue) {
    switch value {
    case .string(let text): add(name, text)
    case .stringConvertible(let number as any BinaryInteger): add(name, number)
    default: add(name, "\(value)")
    }
  }
}

extension Logger.MetadataValue {
  /// A number in JSON, where an interpolation is a string.
  package static func number(_ number: some BinaryInteger & Sendable) -> Logger.MetadataValue {
    .stringConvertible(number)
  }
}
