package import Logging
package import Settings

package enum LogLevel: String, CaseIterable, Sendable {
  case debug, info, notice, warning, error
}

package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}

extension Logger.Level {
  package init(_ level: LogLevel) {
    self =
      switch level {
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      }
  }
}

extension SettingVariable {
  static let logLevel = SettingVariable(
    "LOG_LEVEL",
    "The lowest level of lines that are written.", reload: .always)
  static let logFormat = SettingVariable(
    "LOG_FORMAT",
    "The form of lines. `text` on a terminal and `json` elsewhere, where it is not set.")
}

/// The settings of log lines.
package struct LogSettings: Sendable {
  package var level: LogLevel
  /// Nil: text on a terminal, JSON otherwise.
  package var format: LogFormat?

  package static let variables: [SettingVariable] = [.logLevel, .logFormat]

  package init(from reader: inout SettingsReader) {
    level = reader.choice(.logLevel, default: .info)
    format = reader.choice(.logFormat)
  }
}
