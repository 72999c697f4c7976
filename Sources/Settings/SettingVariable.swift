/// One setting: its name, and how its value may be given.
///
/// A room declares its own variables as static members, and lists them. ``SettingsReader`` reads them.
package struct SettingVariable: Hashable, Sendable {
  package let name: String
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

  package init(_ name: String, isSecret: Bool = false, namesFile: Bool = false, reload: Reload = .none) {
    self.name = name
    self.isSecret = isSecret
    self.namesFile = namesFile
    self.reload = reload
  }

  /// The variable that holds a path to the value.
  package var fileName: String { name + "_FILE" }
  /// The name of the systemd credential.
  var credentialName: String { name.lowercased() }
}
