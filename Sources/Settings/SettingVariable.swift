/// One setting: its name, what it is for, and how its value may be given.
///
/// A room declares its own variables as static members, and lists them. ``SettingsReader`` reads them. Rooms
/// that read a setting of another declare it too: the name makes it the same.
package struct SettingVariable: Sendable {
  package let name: String
  /// One or two sentences for the reference, in Markdown. Empty where another room's setting is declared.
  package let summary: String
  /// The text that counts where none is set. Nil where there is none, or where it is no text.
  package let standard: String?
  /// Whether the value may also come from the file that ``fileName`` names, or from a systemd credential.
  package let isSecret: Bool
  /// Whether the value is the path of a file with what is set.
  let namesFile: Bool
  package let reload: Reload

  /// When a new value takes effect.
  package enum Reload: Sendable {
    /// At the next start.
    case none
    /// On SIGHUP.
    case always
    /// On SIGHUP, unless the setting was not set before, or is not set any more.
    case whileSet
  }

  package init(
    _ name: String, _ summary: String = "", standard: String? = nil, isSecret: Bool = false,
    namesFile: Bool = false, reload: Reload = .none
  ) {
    self.name = name
    self.summary = summary
    self.standard = standard
    self.isSecret = isSecret
    self.namesFile = namesFile
    self.reload = reload
  }

  /// The variable that holds a path to the value.
  package var fileName: String { name + "_FILE" }
  /// The name of the systemd credential.
  var credentialName: String { name.lowercased() }
}

extension SettingVariable: Hashable {
  package static func == (one: SettingVariable, other: SettingVariable) -> Bool { one.name == other.name }

  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
