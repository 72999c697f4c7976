package enum LogLevel: String, CaseIterable, Sendable {
  case debug, info, notice, warning, error
}

package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
