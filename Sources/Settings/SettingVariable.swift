/// One setting: its name, and how its value may be given.
///
/// A room declares its own variables as static members, and lists them. ``SettingsReader`` reads them.
package struct SettingVariable: Hashable, Sendable {
  package let name: String
  /// Whether the value may also come from the file that ``fileName`` names, or from a systemd credential.
  package let isSecret: Bool

  package init(_ name: String, isSecret: Bool = false) {
    self.name = name
    self.isSecret = isSecret
  }

  /// The variable that holds a path to the value.
  package var fileName: String { name + "_FILE" }
  /// The name of the systemd credential.
  var credentialName: String { name.lowercased() }
}
