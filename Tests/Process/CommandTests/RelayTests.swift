import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// The relay of deploy/docs/notifications.md, behind `events`.
  @Suite struct RelayTests {
    private static let relay = Program.root.appendingPathComponent("deploy/examples/relay.py").path

    /// Runs the pipe of the documentation to the end of what has changed.
    private static func run(
      in folder: TemporaryFolder, at daemon: Daemon, _ environment: [String: String]
    ) throws -> Program.Result {
      let line =
        "cd '\(folder.url.path)' && '\(Program.path)' events --json --api http://127.0.0.2:\(daemon.apiPort) "
        + #"$(test -e cursor && echo "--after $(cat cursor)") | '\#(relay)' cursor"#
      return try Program.run(
        ["-c", "set -o pipefail; " + line],
        environment: ["RETRY_SECONDS": "0.01"].merging(environment) { $1 },
        executable: "/bin/bash")
    }

    private static func deliver(_ job: String, _ status: String, to daemon: Daemon) throws {
      let id = "msg_\(UUID().uuidString)"
      #expect(try daemon.post(SignedDelivery(id: id, prediction: job, status: status)).status == 200)
    }

    @Test func `a channel has each failed job once, also after its failures and a restart`() throws {
      let (daemon, folder) = (try Daemon(in: try TemporaryFolder()), try TemporaryFolder())
      let slack = try StubAPI { _, before in before == 0 ? .problem(.serviceUnavailable, "busy") : .json("ok")
      }
      let environment = ["SLACK_URL": slack.url + "/hook"]
      for (job, status) in [("j1", "failed"), ("j2", "succeeded"), ("j3", "failed")] {
        try Self.deliver(job, status, to: daemon)
      }
      let first = try Self.run(in: folder, at: daemon, environment)
      #expect(first.status == 0 && first.error.contains("j1: HTTP Error 503"), "\(first)")
      let texts = [#"{"text": "failed: j1"}"#, #"{"text": "failed: j1"}"#, #"{"text": "failed: j3"}"#]
      #expect(slack.requests.map(\.body) == texts)
      #expect(slack.requests.allSatisfy { $0.fields["content-type"] == "application/json" })

      try Self.deliver("j4", "failed", to: daemon)
      #expect(try Self.run(in: folder, at: daemon, environment).status == 0)
      #expect(slack.requests.map(\.body).dropFirst(3) == [#"{"text": "failed: j4"}"#])
      #expect(try Self.run(in: folder, at: daemon, environment).status == 0)
      #expect(slack.requests.count == 4)
    }

    @Test func `its unit verifies`() throws {
      let folder = try TemporaryFolder()
      let unit = Program.root.appendingPathComponent("deploy/examples/replicate-webhookd-relay.service")
      let file = try folder.write(try String(contentsOf: unit, encoding: .utf8), to: "relay.service")
      let result = try Program.run(["verify", "--man=no", file], executable: "/usr/bin/systemd-analyze")
      #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
    }

    @Test func `mail goes through sendmail`() throws {
      let (daemon, folder) = (try Daemon(in: try TemporaryFolder()), try TemporaryFolder())
      let sendmail = try folder.write("#!/bin/sh\ncat >> mail\n", to: "sendmail")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sendmail)
      try Self.deliver("j1", "failed", to: daemon)
      let result = try Self.run(
        in: folder, at: daemon,
        ["MAIL_TO": "ops@example.com", "PATH": "\(folder.url.path):/usr/bin:/bin"])
      #expect(result.status == 0, "\(result)")
      let mail = try String(contentsOf: folder.url.appendingPathComponent("mail"), encoding: .utf8)
      #expect(mail == "To: ops@example.com\nSubject: failed: j1\n\n")
    }
  }
}
