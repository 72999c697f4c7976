import Foundation
import LiveDaemon
import StandardWebhooks
import Testing

extension ProcessTests {
  /// The official libraries, which deploy/test.sh installs, verify what is signed here.
  @Suite struct OfficialLibraryTests {
    private static let secrets = [
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    ]

    /// Prints for each secret what becomes of the message, and of one that was changed on its way.
    private static func script(_ library: String) -> String {
      """
      import base64, json, sys
      from \(library).webhooks import Webhook, WebhookVerificationError
      message = json.loads(sys.argv[1])
      body = base64.b64decode(message["body"]).decode()
      def outcome(secret, body):
          try:
              Webhook(secret).verify(body, message["fields"])
              return "verified"
          except WebhookVerificationError:
              return "refused"
      for secret in sys.argv[2:]:
          print(outcome(secret, body), outcome(secret, body + " "))
      """
    }

    @Test(
      .enabled(
        if: ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"] != nil,
        "deploy/test.sh installs the libraries"),
      arguments: ["standardwebhooks", "svix"], [1, 2])
    func `official libraries verify messages that are signed here`(
      _ library: String, _ secretCount: Int
    ) throws {
      let python = try #require(ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"])
      let body = Array(#"{"type": "job.succeeded", "data": {"output": "é\u2028"}}"#.utf8)
      let signer = try #require(Signer(try Self.secrets.prefix(secretCount).map { try Secret($0) }))
      let now = Int64(Date().timeIntervalSince1970)
      let signed = signer.headers(id: "msg_1", time: now, body: body.span)
      let headers = try #require(signed)
      let fields = Dictionary(
        uniqueKeysWithValues: headers.lines.map { line in
          let colon = line.firstIndex(of: ":") ?? line.endIndex
          return (String(line[..<colon]), String(line[colon...].dropFirst(2)))
        })
      let message = try JSONSerialization.data(
        withJSONObject: ["body": Data(body).base64EncodedString(), "fields": fields])
      let result = try Program.run(
        ["-c", Self.script(library), String(decoding: message, as: UTF8.self)] + Self.secrets,
        executable: python)
      let expected = (0..<2).map { $0 < secretCount ? "verified refused\n" : "refused refused\n" }
      #expect(result.output == expected.joined(), "\(result.error)")
    }
  }
}
