package import Logging
internal import Synchronization
internal import Time

/// A log handler that writes one line a record: JSON for machines, or text for people.
///
/// `{"time":"…","level":"info","message":"delivery","prediction_id":"…",…}`. Metadata follow the
/// three fixed members, in alphabetical order.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  /// Shared by all copies, so that it can change while the daemon runs.
  private let threshold: LogThreshold
  package var metadataProvider: Logger.MetadataProvider?
  private let sink: LogSink

  package init(level: Logger.Level, sink: LogSink) {
    threshold = LogThreshold(level)
    self.sink = sink
  }

  /// The least level that is written, by this handler and all its copies.
  package var logLevel: Logger.Level {
    get { threshold.level }
    set { threshold.level = newValue }
  }

  /// Writes records of `level` and above from now on.
  package func show(_ level: LogLevel) { threshold.level = Logger.Level(level) }

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
    if threshold.admits(level) { write(level, message, fields) }
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

/// A level that several threads read, and a reload changes.
private final class LogThreshold: Sendable {
  private let index: Atomic<Int>

  init(_ level: Logger.Level) {
    index = Atomic(Self.index(of: level))
  }

  var level: Logger.Level {
    get { Logger.Level.allCases[index.load(ordering: .relaxed)] }
    set { index.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  /// Whether a record of `level` is written.
  func admits(_ level: Logger.Level) -> Bool { Self.index(of: level) >= index.load(ordering: .relaxed) }

  /// The place among all levels, of which trace is the first.
  private static func index(of level: Logger.Level) -> Int {
    switch level {
    case .trace: 0
    case .debug: 1
    case .info: 2
    case .notice: 3
    case .warning: 4
    case .error: 5
    case .critical: 6
    }
  }
}
