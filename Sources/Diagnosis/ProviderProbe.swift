package import HTTPClient
internal import Replicate
package import Scheduler
package import StandardWebhooks
internal import Time

/// Sends a request, and waits for its response.
package typealias Sender = (HTTPClientRequest) -> Result<HTTPClientResponse, HTTPClientError>

/// Whether Replicate accepts the token, has the same secret, and agrees about the time: by one call.
package enum ProviderProbe {
  /// In seconds. A response may be a second old, and its time has no fractions.
  private static let maxClockDifference: Int64 = 10

  /// - Parameters:
  ///   - secrets: those of the settings; empty where the daemon fetches one at its start.
  ///   - now: in seconds since 1970.
  ///   - tolerance: of signatures, in seconds.
  package static func findings(
    _ settings: ProviderSettings, secrets: [Secret], now: () -> Int64, tolerance: Int64, send: Sender
  ) -> [Finding] {
    guard let token = settings.token else {
      let detail = "REPLICATE_API_TOKEN is not set: the daemon only listens"
      return ["token", "secret", "clock"].map { Finding($0, .skipped, detail) }
    }
    let request = ReplicateClient.secretRequest(base: settings.apiURL, token: token, wanting: ["Date"])
    switch send(request) {
    case .failure(let error):
      let remedy = "Check the network, DNS and proxy variables of this machine"
      let unreached = Finding(
        "token", .failed, "\(settings.apiURL) does not answer: \(error)", remedy: remedy)
      return [unreached] + ["secret", "clock"].map { Finding($0, .skipped, "no answer to compare with") }
    case .success(let response):
      let clock = self.clock(response, now: now(), tolerance: tolerance)
      return verdicts(on: ReplicateClient.secret(in: response), secrets, settings.apiURL) + [clock]
    }
  }

  private static func verdicts(
    on outcome: ReplicateClient.Outcome<SigningSecret>, _ secrets: [Secret], _ url: String
  ) -> [Finding] {
    switch outcome {
    case .answered(let text):
      let accepted = Finding("token", .ok, "\(url) accepts it")
      guard let theirs = try? Secret(text.text) else {
        return [accepted, Finding("secret", .failed, "\(url) answers with what is no secret")]
      }
      return [accepted, compare(theirs, with: secrets)]
    case .failed(let failure):
      return [
        Finding(
          "token", .failed, "\(url): \(failure)",
          remedy: "Let REPLICATE_API_TOKEN be one of https://replicate.com/account/api-tokens"),
        Finding("secret", .skipped, "it was not answered"),
      ]
    case .unsent(let reason), .unanswered(let reason):
      return [Finding("token", .failed, "\(url): \(reason)"), Finding("secret", .skipped, "no answer")]
    }
  }

  private static func compare(_ theirs: Secret, with secrets: [Secret]) -> Finding {
    guard !secrets.isEmpty else {
      return Finding("secret", .ok, "REPLICATE_WEBHOOK_SECRET is not set: the daemon fetches it")
    }
    guard let index = secrets.firstIndex(where: { $0.revealed == theirs.revealed }) else {
      return Finding(
        "secret", .failed, "REPLICATE_WEBHOOK_SECRET is not the one of this token's account",
        remedy: "Leave it out, so that the daemon fetches it, or copy it from "
          + "https://replicate.com/account/webhook")
    }
    return Finding("secret", .ok, "secret \(index + 1) is the one of this token's account")
  }

  private static func clock(_ response: HTTPClientResponse, now: Int64, tolerance: Int64) -> Finding {
    guard let date = response.fields["Date"]?.first.flatMap({ IMFFixdate.parse($0) }) else {
      return Finding("clock", .skipped, "the answer has no valid Date")
    }
    // Both lie in the years that the texts of times have, so that nothing overflows.
    let difference = now - date.milliseconds / 1000
    let detail =
      "this machine is \(abs(difference)) s \(difference < 0 ? "behind" : "ahead of") the answer's Date"
    guard abs(difference) > maxClockDifference else { return Finding("clock", .ok, detail) }
    return Finding(
      "clock", abs(difference) > tolerance ? .failed : .warning,
      "\(detail), and signatures may be \(tolerance) s off",
      remedy: "Set the clock: timedatectl set-ntp true, or chrony")
  }
}
