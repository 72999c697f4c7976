import Foundation
import LiveDaemon
import Testing

/// The sources of the package and of the image. deploy/bare-package.sh builds and installs them.
@Suite struct PackagingTests {
  private static func path(_ name: String) -> String {
    Program.root.appendingPathComponent("deploy/\(name)").path
  }

  @Test(arguments: ["postinst", "prerm", "postrm"])
  func `a maintainer script is sound, and does nothing for an action that it does not know`(
    _ name: String
  ) throws {
    let file = Self.path("package/\(name)")
    #expect(try Program.run(["-n", file], executable: "/bin/sh").status == 0)
    let result = try Program.run([file, "abort-nothing"], executable: "/bin/sh")
    #expect(result.status == 0 && result.output.isEmpty && result.error.isEmpty, "\(result)")
  }

  @Test func `the manual page has every verb and option`() throws {
    let folder = try TemporaryFolder()
    let dump = try Program.run(["--experimental-dump-help"])
    let file = try folder.write(dump.output, to: "help.json")
    let page = try Program.run(
      ["-c", "python3 '\(Self.path("package/manual.py"))' 1.2.3 <'\(file)'"], executable: "/bin/sh")
    #expect(page.status == 0, "\(page.error)")
    let text = page.output.replacing("\\-", with: "-")
    for words in ["serve", "health", "workflow run", "callbacks retry"] {
      #expect(text.contains("\\fBreplicate-webhookd \(words)\\fR"), "\(words)")
    }
    for option in ["--env-file", "--idempotency-key", "--force", "1.2.3", "Exit status: 0"] {
      #expect(text.contains(option), "\(option)")
    }
    // Roff would read such a line as a request.
    let requests = [".TH", ".SH", ".SS", ".PP", ".TP", ".nf", ".fi"]
    for line in text.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
      #expect(requests.contains { line.hasPrefix($0) }, "\(line)")
    }
  }

  private func steps(_ dockerfile: String, _ stage: String) throws -> Program.Result {
    try Program.run(
      [Self.path("docker/steps.py"), dockerfile, stage], executable: "/usr/bin/python3")
  }

  @Test func `the steps of the image are known`() throws {
    let dockerfile = Self.path("docker/Dockerfile")
    let build = try steps(dockerfile, "build").output
    #expect(build.contains("RUN\0deploy/package.sh --output /package\0"), "\(build)")
    let final = try steps(dockerfile, "final").output
    #expect(final.contains("HEALTHCHECK\0replicate-webhookd health\0"), "\(final)")
    #expect(final.contains("ENTRYPOINT\0replicate-webhookd\0CMD\0serve\0"))
    #expect(final.contains("RUN\0apt-get update") && !final.contains("--mount"))
    let user = try #require(final.firstMatch(of: /USER\0(\d+):(\d+)\0/))
    #expect(user.1 != "0" && user.2 != "0")
  }

  @Test func `an unknown step of the image is an error`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("FROM debian\nONBUILD RUN true\n", to: "Dockerfile")
    let result = try steps(file, "final")
    #expect(result.status == 1 && result.error.contains("ONBUILD"), "\(result)")
  }

  /// They may hold secrets, or data of a running daemon.
  @Test(arguments: [".env", ".build", "*.db"])
  func `the image is built without files of this folder that are not sources`(_ name: String) throws {
    let ignored = try String(
      contentsOfFile: Self.path("docker/Dockerfile.dockerignore"), encoding: .utf8)
    #expect(ignored.split(separator: "\n").contains(Substring(name)))
  }
}
