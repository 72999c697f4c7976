import ArgumentParser
internal import BuildInfo
import Console
import Daemon
import HTTPClient
import OutgoingDeliveries
internal import Settings
import StandardWebhooks

/// `send`: posts signed deliveries in development, without a tunnel.
struct Send: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sign deliveries and post them to a receiver.",
    discussion: """
      Sends the deliveries of an invented prediction (--scenario), or your own bodies (--body). The secret \
      comes from REPLICATE_WEBHOOK_SECRET or from the file that --secret names; of several, the first one \
      signs. With REPLICATE_API_TOKEN alone, the secret is fetched from Replicate, as in `serve`.

      Exit status: 0 if every response had the expected status, 1 if one had not, 69 if no receiver answers.
      """)

  @Argument(help: "The URL to post to. (default: the daemon at WEBHOOK_LISTEN)")
  var url: String?

  @Option(help: "Which deliveries to send.")
  var scenario = Scenario.happy

  @Option(help: "Send the body in this file instead; may be repeated.", completion: .file())
  var body: [String] = []

  @Option(help: "The id of the invented prediction. (default: random)")
  var id: String?

  @Option(
    help: ArgumentHelp("File that holds the secret; - for standard input.", valueName: "file"),
    completion: .file())
  var secret: String?

  @OptionGroup var options: SettingsOptions

  private static let maxBodyBytes = 256 * 1024 * 1024

  func run() throws {
    try reportingFailure {
      let url = try url ?? localURL()
      let secret = try signingSecret()
      let sender: DeliverySender
      do throws(HTTPClientError) {
        sender = try DeliverySender(url: url, secret: secret, userAgent: BuildInfo.userAgent)
      } catch {
        throw CommandFailure("\(error)", code: .failure)
      }
      let deliveries = try deliveries()
      var unexpected = 0
      for delivery in deliveries {
        let answer = try Self.send(delivery, through: sender, to: url)
        let isExpected = answer.status == delivery.expectedStatus
        if !isExpected { unexpected += 1 }
        Terminal.print(
          "\(delivery.label)  \(delivery.webhookID)  \(answer.status)"
            + (isExpected ? "  " : " (expected \(delivery.expectedStatus))  ")
            + Terminal.visible(String(decoding: answer.body, as: UTF8.self), keeping: ["\t"]))
      }
      guard unexpected == 0 else {
        throw CommandFailure(
          "\(unexpected) of \(deliveries.count) responses had an unexpected status", code: .failure)
      }
    }
  }

  private static func send(
    _ delivery: OutgoingDelivery, through sender: DeliverySender, to url: String
  ) throws -> HTTPClientResponse {
    do throws(HTTPClientError) {
      return try sender.send(delivery)
    } catch {
      throw CommandFailure("\(url): \(error)", code: .unavailable)
    }
  }

  private func localURL() throws -> String {
    var reader = try options.reader()
    guard let url = LocalURL.of(try reader.read(ListenerSettings.webhookAddresses)) else {
      throw CommandFailure(
        "WEBHOOK_LISTEN has no port for plain HTTP: give the URL to post to", code: .config)
    }
    guard !ListenerSettings.usesTLS(reader) else {
      throw CommandFailure(
        "TLS_CERTIFICATE is set: give the URL to post to, https:// and a name in the certificate",
        code: .config)
    }
    return url + "/webhooks/replicate"
  }

  private func signingSecret() throws -> Secret {
    guard let secret else {
      guard let first = try options.secrets().first else {
        throw CommandFailure("REPLICATE_WEBHOOK_SECRET: set it, or name a file with --secret", code: .config)
      }
      return first
    }
    return try SecretArgument.secret(inFile: secret)
  }

  private func deliveries() throws -> [OutgoingDelivery] {
    let run = RandomID.make(length: 12)
    guard body.isEmpty else {
      return try body.enumerated().map { index, path in
        guard let bytes = Files.bytes(of: path, maxBytes: Self.maxBodyBytes) else {
          throw CommandFailure("--body: \(path) cannot be read", code: .noInput)
        }
        return OutgoingDelivery(label: path, webhookID: "msg_\(run)_\(index)", body: bytes)
      }
    }
    let prediction = SamplePrediction(id: id ?? RandomID.make(length: 26), createdAt: WallTime.seconds * 1000)
    return scenario.steps.map { step in
      OutgoingDelivery(
        label: step.moment.status, webhookID: "msg_\(run)_\(step.event)",
        body: prediction.body(at: step.moment),
        ageSeconds: step.ageSeconds, signatureIsBroken: step.signatureIsBroken,
        expectedStatus: step.expectedStatus)
    }
  }
}

extension Scenario: ExpressibleByArgument {}

/// The option `--secret`, which names a file.
enum SecretArgument {
  static func secret(inFile path: String) throws(CommandFailure) -> Secret {
    // Every user of the machine can read arguments, and the shell's history keeps them.
    guard !path.hasPrefix("whsec_") else {
      throw CommandFailure(
        "--secret: give a file, not the secret itself, which others could read in the process list",
        code: .config)
    }
    guard let text = Files.text(of: path, maxBytes: 4096) else {
      throw CommandFailure(
        "--secret: the file cannot be read: check its path and permissions", code: .noInput)
    }
    do throws(SecretError) {
      return try Secret(String(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    } catch {
      throw CommandFailure("--secret: \(error)", code: .config)
    }
  }
}
