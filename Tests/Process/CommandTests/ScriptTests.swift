import Foundation
import LiveDaemon
import Testing

/// The scripts' shared functions in deploy/prerequisites.sh.
@Suite struct ScriptTests {
  private func bash(_ script: String, path: String = "/usr/bin:/bin") throws -> Program.Result {
    let file = Program.root.appendingPathComponent("deploy/prerequisites.sh").path
    return try Program.run(
      ["-c", "set -euo pipefail; . '\(file)'; \(script)"],
      environment: ["PATH": path, "HOME": "/nonexistent"],
      executable: "/bin/bash")
  }

  /// The shown command can be pasted.
  @Test func aCommandAsRootIsShownAsItIsRun() throws {
    let asRoot = try bash("id() { echo 0; }; run as_root echo 'a b'")
    #expect(asRoot.status == 0 && asRoot.output == "\n\u{1B}[1m$ echo 'a b'\u{1B}[0m\na b\n", "\(asRoot)")
    let asUser = try bash("id() { echo 1; }; sudo() { echo with sudo: \"$@\"; }; run as_root echo a")
    #expect(asUser.output == "\n\u{1B}[1m$ sudo echo a\u{1B}[0m\nwith sudo: echo a\n", "\(asUser)")
  }

  @Test(arguments: [
    ("libncurses.so.6", "installing libncurses6"), ("libedit.so.2", "installing libedit2"),
    ("libpython3.11.so.1.0", "installing libpython3.11"), ("libodd.so.1", "lacks libraries: libodd.so.1"),
  ])
  func aLibraryThatTheToolchainLacksIsNamed(_ library: String, _ message: String) throws {
    let folder = try TemporaryFolder()
    let swift = try folder.write("#!/bin/sh\n", to: "swift")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift)
    let result = try bash(
      #"""
      ldd() {
        printf '\tlinux-vdso.so.1 (0x0)\n\t\#(library) => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x0)\n'
      }
      need_packages() { echo "installing $*"; }
      need_swift
      """#, path: "\(folder.url.path):/usr/bin:/bin")
    #expect((result.output + result.error).contains(message), "\(result)")
    #expect(result.status == (message.hasPrefix("lacks") ? 1 : 0))
  }

  @Test(arguments: [
    "install.sh", "quickstart.sh", "test.sh", "prove.sh", "bare-debian.sh", "bare-package.sh", "package.sh",
    "docker/try.sh",
  ])
  func everyScriptIsSoundAndHasHelp(_ name: String) throws {
    let file = Program.root.appendingPathComponent("deploy/\(name)").path
    #expect(try Program.run(["-n", file], executable: "/bin/bash").status == 0)
    let help = try Program.run([file, "--help"], executable: "/bin/bash")
    #expect(help.status == 0 && help.output.contains("deploy/\(name)"))
    #expect(try Program.run([file, "--nonsense"], executable: "/bin/bash").status == 64)
  }
}
