internal import Bytes
internal import Crypto
internal import Synchronization

/// Where the settings of a process come from: its environment, and a file that may change.
package struct SettingsSources: Sendable {
  private let variables: [SettingVariable]
  private let environment: [String: String]
  private let envFile: String?
  private let readFile: @Sendable (String) -> String?

  /// - Parameters:
  ///   - variables: all settings of this version.
  ///   - environment: takes precedence over the file, and stays as it is.
  ///   - envFile: the path of a file in the syntax of ``EnvironmentFile``; nil without one.
  ///   - readFile: returns the text of a file; nil if it cannot be read.
  package init(
    variables: [SettingVariable], environment: [String: String], envFile: String?,
    readFile: @escaping @Sendable (String) -> String?
  ) {
    self.variables = variables
    self.environment = environment
    self.envFile = envFile
    self.readFile = readFile
  }

  /// Reads the file, and the files of secrets.
  ///
  /// - Throws: the problems of the file itself. Those of values come from ``SettingsReader``.
  package func read() throws(SettingProblems) -> SettingsReading {
    var values: [String: String] = [:]
    if let envFile {
      guard let text = readFile(envFile) else {
        throw SettingProblems([
          SettingProblem(
            variable: "--env-file", advice: "\(envFile) cannot be read: check the path and its permissions")
        ])
      }
      let (parsed, problems) = EnvironmentFile.parse(text, named: envFile)
      guard problems.isEmpty else { throw SettingProblems(problems) }
      values = parsed
    }
    return SettingsReading(
      variables: variables, environment: environment, file: values, files: ReadFiles(readFile))
  }
}

/// The values of all settings at one moment.
package struct SettingsReading: Sendable {
  private let variables: [SettingVariable]
  private let environment: [String: String]
  private let file: [String: String]
  private let files: ReadFiles
  /// Of what each variable is set to. None is kept as text, because it may be a secret.
  private let digests: [SettingVariable: [UInt8]]

  init(
    variables: [SettingVariable], environment: [String: String], file: [String: String],
    files: ReadFiles, digests: [SettingVariable: [UInt8]]? = nil
  ) {
    self.variables = variables
    self.environment = environment
    self.file = file
    self.files = files
    let reader = SettingsReader(
      variables: variables, environment: environment, file: file, readFile: files.read)
    self.digests = digests ?? Self.digests(of: variables, reader)
  }

  /// Reads the values as they are typed.
  package var reader: SettingsReader {
    SettingsReader(variables: variables, environment: environment, file: file, readFile: files.read)
  }

  /// Drops the texts of files, which may be secrets.
  package func forgetFiles() { files.forget() }

  private static func digests(
    of variables: [SettingVariable], _ reader: SettingsReader
  ) -> [SettingVariable: [UInt8]] {
    let sha256 = SHA256()
    var digests: [SettingVariable: [UInt8]] = [:]
    for variable in variables {
      // Problems are reported where the values are read.
      var copy = reader
      let value = variable.isSecret ? copy.secretText(variable) : copy.text(variable)
      guard let value, !value[...].trimmed.isEmpty else { continue }
      let contents = variable.namesFile ? reader.contents(ofFile: value) ?? "" : ""
      let bytes = Array(value.utf8) + [0] + Array(contents.utf8)
      digests[variable] = sha256.digest(of: bytes.span)
    }
    return digests
  }

  /// The values of `new`, but for those that need a restart: they stay as they are here.
  package func updated(by new: SettingsReading) -> (reading: SettingsReading, changes: SettingChanges) {
    var changes = SettingChanges()
    var (file, digests) = (new.file, digests)
    for variable in variables {
      let (old, current) = (digests[variable], new.digests[variable])
      let takesEffect =
        switch variable.reload {
        case .none: false
        case .always: true
        case .whileSet: old != nil && current != nil
        }
      if takesEffect {
        digests[variable] = current
      } else {
        for name in [variable.name, variable.fileName] { file[name] = self.file[name] }
      }
      guard old != current else { continue }
      if takesEffect { changes.applied.append(variable) } else { changes.pending.append(variable) }
    }
    let reading = SettingsReading(
      variables: variables, environment: environment, file: file, files: new.files, digests: digests)
    return (reading, changes)
  }
}

/// The settings that differ between two readings.
package struct SettingChanges: Equatable, Sendable {
  /// Those whose new values take effect.
  package var applied: [SettingVariable] = []
  /// Those whose new values need a restart.
  package var pending: [SettingVariable] = []

  package init() {}
}

/// The files of one reading. Each is read once, because it may be a pipe, or change meanwhile.
final class ReadFiles: Sendable {
  private let readFile: @Sendable (String) -> String?
  private let texts = Mutex<[String: String?]>([:])

  init(_ readFile: @escaping @Sendable (String) -> String?) {
    self.readFile = readFile
  }

  func read(_ path: String) -> String? {
    if let text = texts.withLock({ $0[path] }) { return text }
    let text = readFile(path)
    texts.withLock { $0[path] = .some(text) }
    return text
  }

  func forget() { texts.withLock { $0 = [:] } }
}
