import Daemon
import Foundation
import LiveDaemon
import Settings
import Testing

/// The files of systemd in deploy/service.
@Suite struct UnitTests {
  private static let daemons = ["replicate-webhookd.service", "replicate-webhookd@.service"]
  private static let backups = ["replicate-webhookd-backup.service", "replicate-webhookd-backup@.service"]

  private static func text(of unit: String) throws -> String {
    try String(
      contentsOf: Program.root.appendingPathComponent("deploy/service/\(unit)"), encoding: .utf8)
  }

  /// The settings of a unit, in their order; continued lines are joined.
  private static func settings(of unit: String) throws -> [(name: String, value: String)] {
    try text(of: unit).replacing("\\\n", with: "").split(separator: "\n").compactMap { line in
      guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return nil }
      return (String(line[..<equals]), String(line[line.index(after: equals)...]))
    }
  }

  @Test func `every file of the folder is tested`() throws {
    let folder = Program.root.appendingPathComponent("deploy/service").path
    let timers = ["replicate-webhookd-backup.timer", "replicate-webhookd-backup@.timer"]
    #expect(
      Set(try FileManager.default.contentsOfDirectory(atPath: folder))
        == Set(
          Self.daemons + Self.backups + timers + ["replicate-webhookd.socket", "replicate-webhookd.env"]))
  }

  /// A small Debian lacks /bin/kill, which is part of procps. The shell is always there.
  @Test(arguments: [(daemons, ["/usr/local/bin/replicate-webhookd", "/bin/sh"]), (backups, ["/bin/sh"])])
  func `a unit uses only programs of a small Debian`(_ units: [String], _ programs: [String]) throws {
    for unit in units {
      let used = try Self.settings(of: unit).filter { $0.name.hasPrefix("Exec") }.map {
        String($0.value.prefix { $0 != " " })
      }
      #expect(used == programs, "\(unit)")
    }
  }

  @Test(arguments: daemons)
  func `a daemon's unit loads a credential for each secret`(_ unit: String) throws {
    let loaded = try Self.settings(of: unit).filter { $0.name == "LoadCredential" }.map(\.value)
    let secrets = DaemonSettings.variables.filter(\.isSecret).map { $0.name.lowercased() }
    let isTemplate = unit.contains("@")
    #expect(
      Set(loaded) == Set(secrets.map { isTemplate ? "\($0):replicate-webhookd@%i.\($0)" : $0 }))
  }

  /// What a user, folder or secret is named differs; everything else is the same for each daemon.
  @Test func `the template differs from the unit in names only`() throws {
    let own: Set = [
      "Description", "ExecStart", "User", "Group", "DynamicUser", "SupplementaryGroups", "StateDirectory",
      "WorkingDirectory", "LoadCredential", "ReadWritePaths", "TemporaryFileSystem", "BindReadOnlyPaths",
    ]
    let shared = try Self.daemons.map { unit in
      try Self.settings(of: unit).filter { !own.contains($0.name) }.map { "\($0.name)=\($0.value)" }
    }
    #expect(shared[0].count > 30 && shared[0] == shared[1])
  }

  @Test func `the backup of a template differs from the backup in names only`() throws {
    for (unit, template) in [
      ("replicate-webhookd-backup.service", "replicate-webhookd-backup@.service"),
      ("replicate-webhookd-backup.timer", "replicate-webhookd-backup@.timer"),
    ] {
      let own: Set = [
        "Description", "ExecStart", "User", "Group", "DynamicUser", "SupplementaryGroups", "StateDirectory",
        "WorkingDirectory", "LoadCredential", "Environment", "TemporaryFileSystem", "BindReadOnlyPaths",
      ]
      let shared = try [unit, template].map { unit in
        try Self.settings(of: unit).filter { !own.contains($0.name) }.map { "\($0.name)=\($0.value)" }
      }
      #expect(shared[0].count > 3 && shared[0] == shared[1])
    }
  }

  /// systemd-analyze takes the limit times ten.
  @Test(arguments: daemons + backups)
  func `a unit's exposure is at most 1.5`(_ unit: String) throws {
    let result = try Program.run(
      [
        "security", "--offline=yes", "--no-pager", "--threshold=15",
        Program.root.appendingPathComponent("deploy/service/\(unit)").path,
      ], executable: "/usr/bin/systemd-analyze")
    #expect(result.status == 0, "\(result.output.suffix(200))\(result.error)")
  }

  @Test func `an exposed unit is detected`() throws {
    let folder = try TemporaryFolder()
    let unit = try Self.text(of: "replicate-webhookd.service").replacing("ProtectSystem=strict\n", with: "")
    let file = try folder.write(unit, to: "replicate-webhookd.service")
    let result = try Program.run(
      ["security", "--offline=yes", "--no-pager", "--threshold=15", file],
      executable: "/usr/bin/systemd-analyze")
    #expect(result.status != 0)
  }

  /// The units of a template are verified as an instance.
  @Test func `the units verify`() throws {
    let folder = try TemporaryFolder()
    var files: [String] = []
    for unit in Self.daemons + Self.backups {
      // The binary is not installed where the tests run.
      let text = try Self.text(of: unit).replacing("/usr/local/bin/replicate-webhookd", with: Program.path)
      let timer = unit.replacing(".service", with: ".timer")
      files.append(try folder.write(text, to: unit.replacing("@", with: "@shop")))
      guard Self.backups.contains(unit) else { continue }
      files.append(try folder.write(try Self.text(of: timer), to: timer.replacing("@", with: "@shop")))
    }
    files.append(
      try folder.write(try Self.text(of: "replicate-webhookd.socket"), to: "replicate-webhookd.socket"))
    let result = try Program.run(["verify", "--man=no"] + files, executable: "/usr/bin/systemd-analyze")
    #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
  }

  @Test func `the settings file of the units holds known settings only`() throws {
    let text = try Self.text(of: "replicate-webhookd.env")
    let names = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.prefix { $0 != "=" } }
    let known = Set(DaemonSettings.variables.map(\.name))
    #expect(names.count > 3)
    for name in names { #expect(known.contains(String(name)), "\(name)") }
  }
}
