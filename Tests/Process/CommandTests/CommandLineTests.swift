import Foundation
import LiveDaemon
import StandardWebhooks
import Testing
@testable import Time

extension ProcessTests {
  /// The output and the exit status of the verbs other than `serve`.
  @Suite struct CommandLineTests {
    private static let secret = [
      "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
    ]

    @Test(arguments: [
      ["--help"], ["--version"], ["serve", "--help"], ["send", "--help"], ["verify", "--help"],
      ["backup", "--help"],
      ["help", "jobs"], ["run", "--help"], ["cancel", "--help"], ["retry", "--help"], ["delete", "--help"],
      ["usage", "--help"],
    ])
    func helpIsHelp(_ arguments: [String]) throws {
      let result = try Program.run(arguments)
      #expect(result.status == 0 && !result.output.isEmpty && result.error.isEmpty)
    }

    @Test func aStartWithWrongSettingsFailsFastWithALineEach() throws {
      let folder = try TemporaryFolder()
      let file = try folder.write(
        "MAX_BODY=huge\nWEBHOOK_LISTENS=1\nREPLICATE_WEBHOOK_SECRET=whsec_%%%\n", to: "env")
      let result = try Program.run(["serve", "--env-file", file])
      #expect(result.status == 78)
      let lines = result.error.split(separator: "\n")
      #expect(lines.count == 3)
      for name in ["MAX_BODY", "WEBHOOK_LISTENS", "REPLICATE_WEBHOOK_SECRET"] {
        #expect(lines.filter { $0.contains("\(name): ") }.count == 1, "\(name)")
      }
      #expect(!result.error.contains("huge") && !result.error.contains("%%%"))
    }

    @Test func theStartLogsTheWebhookURLAndWhetherATokenIsSet() throws {
      let token = "r8_not_a_real_token"
      let start = { (settings: [String: String]) in
        try Daemon(in: try TemporaryFolder(), environment: settings).logAfterStop()
      }
      let log = try start([
        "REPLICATE_API_TOKEN": token, "REPLICATE_API_URL": "http://127.0.0.1:1",
        "PUBLIC_URL": "https://hooks.example.com/x",
      ])
      #expect(log.contains("purpose=webhooks webhook_url=https://hooks.example.com/x/webhooks/replicate\n"))
      #expect(log.contains("purpose=api replicate_token=set\n"))
      #expect(!log.contains(token))
      let bare = try start([:])
      #expect(bare.contains("purpose=webhooks webhook_url=none\n"))
      #expect(bare.contains("purpose=api replicate_token=none\n"))
    }

    @Test func anAddressInUseIsNamed() throws {
      let folder = try TemporaryFolder()
      let daemon = try Daemon(in: folder)
      let second = try Program.run(
        ["serve"],
        environment: Self.secret.merging([
          "WEBHOOK_LISTEN": "127.0.0.1:\(daemon.webhookPort)",
          "DATABASE_URL": "sqlite:\(folder.url.path)/other.db",
        ]) { $1 })
      #expect(
        second.status == 78
          && second.error.contains("WEBHOOK_LISTEN: cannot listen on 127.0.0.1:\(daemon.webhookPort)"))
    }

    /// The network may come up later than the daemon.
    ///
    /// A service manager does not restart after status 78.
    @Test func anUnreachableProviderAtStartIsNoWrongSetting() throws {
      let folder = try TemporaryFolder()
      let other = try Daemon(in: folder)
      let start = { (provider: String) in
        try Program.run(
          ["serve"],
          environment: [
            "REPLICATE_API_TOKEN": "r8_not_a_real_token", "REPLICATE_API_URL": provider,
            "WEBHOOK_LISTEN": "127.0.0.1:0", "API_LISTEN": "127.0.0.2:0",
            "DATABASE_URL": "sqlite:\(folder.url.path)/other.db",
          ])
      }
      let unreached = try start("http://127.0.0.1:1")
      #expect(
        unreached.status == 69 && unreached.error.contains("could not be fetched"), "\(unreached.error)")
      // The server there is not Replicate, which a restart does not change.
      let wrong = try start("http://127.0.0.1:\(other.webhookPort)")
      #expect(wrong.status == 78 && wrong.error.contains("could not be fetched"), "\(wrong.error)")
    }

    /// The file of a unix socket outlives its process.
    ///
    /// It must not prevent the next start.
    @Test func aUnixSocketIsTakenOverFromAProcessThatIsGone() throws {
      let folder = try TemporaryFolder()
      let socket = ["API_LISTEN": "unix:\(folder.url.path)/api.sock"]
      for _ in 0..<2 {
        let daemon = try Daemon(in: folder, environment: socket)
        let answer = try Program.run(
          ["-s", "--unix-socket", "\(folder.url.path)/api.sock", "http://localhost/readyz"],
          executable: "/usr/bin/curl")
        #expect(answer.output == #"{"status":"ready"}"#)
        daemon.killAtOnce()
      }
    }

    @Test func checkReportsADamagedStore() throws {
      let folder = try TemporaryFolder()
      let path = folder.url.appendingPathComponent("replicate-webhookd.db").path
      let environment = Self.secret.merging(["DATABASE_URL": "sqlite:\(path)"]) { $1 }
      let absent = try Program.run(["check"], environment: environment)
      #expect(absent.status == 0 && absent.output.contains("does not exist yet"))
      do {
        let daemon = try Daemon(in: folder)
        _ = try daemon.post(SignedDelivery(id: "m", prediction: "p", status: "succeeded"))
        #expect(try Program.run(["check"], environment: environment).output.contains("holds 1 job(s)"))
        #expect(daemon.stop() == 0)
      }
      #expect(try Program.run(["check"], environment: environment).status == 0)
      try Data(repeating: 0x61, count: 5000).write(to: URL(fileURLWithPath: path))
      let damaged = try Program.run(["check"], environment: environment)
      #expect(damaged.status == 1 && damaged.error.contains("DATABASE_URL: the database is damaged"))
      #expect(try Program.run(["check"]).status == 78)
    }

    @Test(arguments: [
      (["REPLICATE_WEBHOOK_SECRET": Daemon.secret], "only listens"),
      (["REPLICATE_API_TOKEN": "r8_not_a_real_token"], "predictions are only polled; the webhook secret"),
      (
        ["REPLICATE_API_TOKEN": "r8_not_a_real_token", "PUBLIC_URL": "https://hooks.example.com/"],
        "webhooks to https://hooks.example.com/webhooks/replicate"
      ),
    ])
    func checkReportsWhatTheSettingsAllow(_ settings: [String: String], _ message: String) throws {
      let folder = try TemporaryFolder()
      let addresses = [
        "DATABASE_URL": "sqlite:\(folder.url.path)/none.db", "WEBHOOK_LISTEN": "127.0.0.1:0",
        "API_LISTEN": "127.0.0.2:0",
      ]
      let result = try Program.run(["check"], environment: settings.merging(addresses) { $1 })
      #expect(result.status == 0 && result.output.contains(message), "\(result.output)")
      #expect(!result.output.contains("r8_"))
    }

    /// The output of `verify` for a delivery with one defect.
    @Test(arguments: [
      ("", "", 0, "accepted by secret 1"),
      ("webhook-id: ", "webhook-no: ", 1, "expected webhook-id once, found it 0 times"),
      ("webhook-id: m", "webhook-id: m.n", 1, "webhook-id"), ("v1,", "v2,", 1, "no entry of the form v1"),
      ("webhook-timestamp: 1", "webhook-timestamp: x", 1, "webhook-timestamp is not a whole number"),
      ("webhook-timestamp: 1", "webhook-timestamp: 2", 1, "none of 1 v1 signatures fits"),
    ])
    func verifyNamesTheCheckThatFails(_ part: String, _ replacement: String, _ status: Int, _ message: String)
      throws
    {
      let folder = try TemporaryFolder()
      let body = Array(#"{"id":"p1","status":"starting"}"#.utf8)
      let signature = Signer.sign(
        id: "m", timestamp: "1614265330", body: body.span, with: try Secret(Daemon.secret))
      let headers =
        ("POST /x HTTP/1.1\nwebhook-id: m\nWebhook-Timestamp: 1614265330\n"
        + "webhook-signature: \(try #require(signature))\n")
        .replacing("Webhook-T", with: "webhook-t")
      let headerFile = try folder.write(
        part.isEmpty ? headers : headers.replacing(part, with: replacement), to: "headers")
      let bodyFile = try folder.write(String(decoding: body, as: UTF8.self), to: "body")
      let result = try Program.run(
        ["verify", "--headers", headerFile, "--body", bodyFile, "--at", "1614265330"],
        environment: Self.secret)
      #expect(result.status == Int32(status))
      #expect((result.output + result.error).contains(message), "\(result.output + result.error)")
      #expect(!(result.output + result.error).contains("C2FVsBQI"))
      let old = try Program.run(
        ["verify", "--headers", headerFile, "--body", bodyFile], environment: Self.secret)
      if part.isEmpty { #expect(old.status == 1 && old.error.contains("timestamp   FAILED")) }
    }

    @Test func jobsAndJobReadTheAPI() throws {
      let daemon = try Daemon(
        in: try TemporaryFolder(), environment: ["API_TOKENS": "first-token-0123456789"])
      _ = try daemon.post(SignedDelivery(id: "m", prediction: "p 1", status: "succeeded"))
      let environment = ["API_LISTEN": "127.0.0.2:\(daemon.apiPort)", "API_TOKENS": "first-token-0123456789"]
      let list = try Program.run(["jobs", "--json"], environment: environment)
      #expect(list.status == 0 && list.output.contains(#""id":"p 1""#))
      let job = try Program.run(["job", "p 1"], environment: environment)
      #expect(job.status == 0 && job.output.contains(#""state":"succeeded""#))
      #expect(
        try Program.run(["job", "p 1", "--history"], environment: environment).output.contains("applied"))
      #expect(try Program.run(["job", "none"], environment: environment).status == 1)
      let locked = try Program.run(["jobs"], environment: ["API_LISTEN": "127.0.0.2:\(daemon.apiPort)"])
      #expect(locked.status == 1 && locked.error.contains("401"))
      #expect(daemon.stop() == 0)
      #expect(try Program.run(["jobs"], environment: environment).status == 69)
    }

    @Test func aSecretInAnArgumentIsRefusedAndNotRepeated() throws {
      let result = try Program.run(["send", "--secret", Daemon.secret])
      #expect(result.status == 78 && !result.error.contains("C2FVsBQI") && result.error.contains("file"))
    }

    /// The official libraries, which deploy/test.sh installs.
    @Test(
      .enabled(
        if: ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"] != nil,
        "deploy/test.sh installs the libraries"),
      arguments: ["standardwebhooks", "svix"])
    func signaturesOfOfficialLibrariesAreAccepted(_ library: String) throws {
      let python = try #require(ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"])
      let daemon = try Daemon(in: try TemporaryFolder())
      let script = """
        import datetime, sys, urllib.request, urllib.error
        from \(library).webhooks import Webhook
        body = '{"id": "p-\(library)", "status": "succeeded", "output": "é"}'
        now = datetime.datetime.now(datetime.timezone.utc)
        signature = Webhook(sys.argv[2]).sign("m1", now, body)
        def post(body):
            timestamp = str(int(now.timestamp()))
            fields = {"webhook-id": "m1", "webhook-timestamp": timestamp, "webhook-signature": signature}
            request = urllib.request.Request(sys.argv[1], body.encode(), fields)
            try:
                return urllib.request.urlopen(request).status
            except urllib.error.HTTPError as error:
                return error.code
        print(post(body + " "), post(body))
        """
      let result = try Program.run(
        ["-c", script, "http://127.0.0.1:\(daemon.webhookPort)/webhooks/replicate", Daemon.secret],
        executable: python)
      #expect(result.output == "401 200\n", "\(result.error)")
      #expect(try daemon.job("p-\(library)")["output"] as? String == "é")
    }
  }
}
