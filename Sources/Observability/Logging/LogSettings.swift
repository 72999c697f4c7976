package import Settings

package enum LogLevel: String, CaseIterable, Sendable {
  case debug, info, notice, warning, error
}

package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}

extension SettingVariable {
  static let logLevel = SettingVariable("LOG_LEVEL")
  static let logFormat = SettingVariable("LOG_FORMAT")
}

/// The settings of log lines.
package struct LogSettings: Sendable {
  package var level: LogLevel
  /// Nil: text on a terminal, JSON otherwise.
  package var format: LogFormat?

  package static let variables: [SettingVariable] = [.logLevel, .logFormat]

  package init(from reader: inout SettingsReader) {
    level = reader.choice(.logLevel) ?? .info
    format = reader.choice(.logFormat)
  }
}
