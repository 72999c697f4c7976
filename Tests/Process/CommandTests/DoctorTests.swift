import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// `doctor`, beside a daemon that is its own PUBLIC_URL.
  @Suite struct DoctorTests {
    private static func provider(_ secret: String) throws -> StubAPI {
      try StubAPI { _, _ in
        Response(
          status: .ok, fields: [("Content-Type", "application/json")],
          body: Array(#"{"key":"\#(secret)"}"#.utf8))
      }
    }

    private static func doctor(
      _ arguments: [String] = [], in folder: TemporaryFolder, _ settings: [String: String]
    ) throws -> Program.Result {
      let environment = [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
        "API_LISTEN": "127.0.0.2:0", "DATABASE_URL": "sqlite:\(folder.url.path)/replicate-webhookd.db",
        "REPLICATE_API_TOKEN": "r8_0123456789",
      ]
      return try Program.run(["doctor"] + arguments, environment: environment.merging(settings) { $1 })
    }

    @Test func `a set-up without faults passes`() throws {
      let (folder, provider) = (try TemporaryFolder(), try Self.provider(Daemon.secret))
      let daemon = try Daemon(in: folder)
      let settings = [
        "REPLICATE_API_URL": provider.url, "PUBLIC_URL": "http://127.0.0.1:\(daemon.webhookPort)",
      ]
      let result = try Self.doctor(in: folder, settings)
      #expect(result.status == 0 && result.error.isEmpty, "\(result.output) \(result.error)")
      for subject in ["token", "secret", "clock", "public URL", "signature", "addresses", "folder", "store"] {
        #expect(result.output.contains(subject.padding(toLength: 12, withPad: " ", startingAt: 0) + "ok: "))
      }
      #expect(result.output.contains("called from this machine"))
      #expect(!result.output.contains("whsec_") && !result.output.contains("r8_0123"))
      let json = try Self.doctor(["--json"], in: folder, settings)
      let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
      #expect(document?["ok"] as? Bool == true && (document?["findings"] as? [Any])?.count == 11)
    }

    @Test func `each fault is a line with what to do`() throws {
      let (folder, provider) = (
        try TemporaryFolder(), try Self.provider("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
      )
      let proxy = try StubAPI { _, _ in
        Response(status: .found, fields: [("Location", "https://elsewhere.example/")], body: [])
      }
      _ = try folder.write("not a database at all, and long enough", to: "replicate-webhookd.db")
      let result = try Self.doctor(
        in: folder, ["REPLICATE_API_URL": provider.url, "PUBLIC_URL": proxy.url])
      #expect(result.status == 1)
      for text in [
        "secret      FAILED: REPLICATE_WEBHOOK_SECRET is not the one", "Replicate follows no redirect",
        "store       FAILED: ",
      ] {
        #expect(result.output.contains(text), "\(text): \(result.output)")
      }
      let wrong = try Self.doctor(in: folder, ["PUBLIC_URL": "nonsense"])
      #expect(wrong.status == 78 && wrong.error.contains("PUBLIC_URL"))
    }
  }
}
