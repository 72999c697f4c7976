package import Settings

/// Reads the settings again, from where the process has them.
package final class SettingsReload {
  private let sources: SettingsSources
  /// What is in effect.
  private var reading: SettingsReading

  /// - Parameter reading: what the daemon was started with. Its values have been read.
  package init(sources: SettingsSources, reading: SettingsReading) {
    self.sources = sources
    self.reading = reading
    reading.forgetFiles()
  }

  /// Reads and checks all settings.
  ///
  /// They are checked twice: as the next start reads them, and as they are in effect until then. So rules
  /// over two settings hold, also where one of them needs a restart.
  ///
  /// - Parameter parse: reads all settings, and reports every problem.
  /// - Returns: what is in effect now, and what has changed.
  /// - Throws: all problems. Then nothing has changed.
  package func run<Value>(
    _ parse: (inout SettingsReader) -> Value
  ) throws(SettingProblems) -> (settings: Value, changes: SettingChanges) {
    let new = try sources.read()
    defer { new.forgetFiles() }
    var reader = new.reader
    _ = try reader.read(parse)
    let (updated, changes) = reading.updated(by: new)
    reader = updated.reader
    let settings = try reader.read(parse)
    reading = updated
    return (settings, changes)
  }
}
