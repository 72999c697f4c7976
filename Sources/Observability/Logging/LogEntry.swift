package import Logging
internal import Time

/// One event to be logged: level, message and typed fields.
///
/// A room declares its events as static functions in an extension of this type. A call site names the event
/// and passes its values, as in `logger.log(.checkpointFailed(cause: error))`.
package struct LogEntry: Hashable, Sendable {
  package let level: Logger.Level
  /// What happened, what the program does next, what the operator should do. Never a value.
  package let message: String
  package private(set) var fields: LogFields

  package init(_ level: Logger.Level, _ message: String, _ fields: LogFields = [:]) {
    self.level = level
    self.message = message
    self.fields = fields
  }

  package func adding(_ more: LogFields) -> LogEntry {
    var entry = self
    for (name, value) in more.pairs { entry.fields[name] = value }
    return entry
  }
}

/// The value of a field.
///
/// Numbers and flags stay what they are in JSON, so that a reader can compare and sum them.
package enum LogValue: Hashable, Sendable {
  case text(String)
  case integer(Int)
  case flag(Bool)
  /// Written as a number of seconds.
  case seconds(Duration)

  package static func number(_ number: some BinaryInteger) -> LogValue { .integer(Int(number)) }
}

/// The fields of an entry, in the order in which they are written.
package struct LogFields: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  private struct Field: Hashable, Sendable {
    let name: String
    var value: LogValue
  }

  private var fields: [Field]

  package init(dictionaryLiteral elements: (String, LogValue)...) {
    fields = elements.map { Field(name: $0, value: $1) }
  }

  package var pairs: [(name: String, value: LogValue)] { fields.map { ($0.name, $0.value) } }

  package subscript(name: String) -> LogValue? {
    get { fields.first { $0.name == name }?.value }
    set {
      fields.removeAll { $0.name == name }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }
}

extension LogValue: CustomStringConvertible {
  /// The value as both formats write it, but for the quotes of a text.
  package var description: String {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .flag(let flag): flag ? "true" : "false"
    case .seconds(let duration): Self.decimal(milliseconds: duration.wholeMilliseconds)
    }
  }

  private static func decimal(milliseconds: Int64) -> String {
    milliseconds % 1000 == 0 ? String(milliseconds / 1000) : String(Double(milliseconds) / 1000)
  }
}

extension Logger {
  /// Logs `entry`, with its fields as metadata.
  package func log(_ entry: LogEntry) {
    log(
      level: entry.level, "\(entry.message)",
      metadata: Metadata(
        uniqueKeysWithValues: entry.fields.pairs.map { ($0.name, .stringConvertible($0.value)) }))
  }
}
