package import Logging
internal import Time

/// A log handler that writes one line a record: JSON for machines, or text for people.
///
/// `{"time":"…","level":"info","message":"delivery","prediction_id":"…",…}`. Metadata follow the
/// three fixed members, in alphabetical order.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  package var metadataProvider: Logger.MetadataProvider?
  private let sink: LogSink

  package init(level: Logger.Level, sink: LogSink) {
    logLevel = level
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
      for (name, value) in merged.sorted(by: { $0.key < $1.key }) { line.add(name, LogValue(value)) }
    }
  }

  /// Writes a record without building the dictionary of the logging interface.
  ///
  /// Used for the line that every delivery writes.
  ///
  /// - Parameter fields: adds the fields; called only if the level is enabled.
  package func log(_ level: Logger.Level, _ message: String, fields: (inout LogLine) -> Void) {
    if level >= logLevel { write(level, message, fields) }
  }

  private func write(_ level: Logger.Level, _ message: String, _ fields: (inout LogLine) -> Void) {
    let time = Timestamp(milliseconds: WallClock.milliseconds)
    var line = LogLine(
      sink.format, at: time, level: level, message: message, hasPriority: sink.hasPriorities)
    fields(&line)
    sink.write(line.ended())
  }
}

extension LogValue {
  /// The typed value that ``Logging/Logger/log(_:)`` passed, or the text of any other.
  fileprivate init(_ value: Logger.MetadataValue) {
    if case .stringConvertible(let value as LogValue) = value {
      self = value
    } else {
      self = .text("\(value)")
    }
  }
}
