import ArgumentParser
import Console
import Replicate
import StandardWebhooks

/// `verify`: checks a recorded delivery and names the failing check.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Verify a recorded delivery, and show which check fails.",
    discussion: """
      Reads the header fields as `name: value` lines, as `curl -v` or a proxy's log prints them, and the \
      body byte for byte. Secrets and expected signatures are never shown.

      Exit status: 0 if every check passes, 1 otherwise.
      """)

  @Option(
    name: .long, help: "File with the header fields, one per line; - for standard input.", completion: .file()
  )
  var headers: String

  @Option(name: .long, help: "File with the body, exactly as it was received.", completion: .file())
  var body: String

  @Option(name: .long, help: "Check the timestamp against this Unix time instead of now.")
  var at: Int64?

  @Option(name: .long, help: "Maximum difference of the timestamp from that time, in seconds.")
  var tolerance: Int64 = 300

  @OptionGroup var options: SettingsOptions

  private static let maxBodyBytes = 256 * 1024 * 1024

  func run() throws {
    try reportingFailure {
      let secrets = try options.secrets()
      guard let text = Files.text(of: headers, maxBytes: 1024 * 1024) else {
        throw CommandFailure("--headers: \(headers) cannot be read as text", code: .noInput)
      }
      guard let body = Files.bytes(of: body, maxBytes: Self.maxBodyBytes) else {
        throw CommandFailure("--body: \(body) cannot be read", code: .noInput)
      }
      let fields = HeaderLines(text)
      let signature = try requireFields(fields)
      try check(signature, body: body, secrets: secrets)
      try decode(body)
    }
  }

  private func requireFields(_ fields: HeaderLines) throws -> SignatureHeaders {
    func value(_ name: String) throws -> String {
      let values = fields.values(name)
      guard values.count == 1, let value = values.first, !value.isEmpty else {
        throw CommandFailure(
          "headers     FAILED: expected \(name) once, found it \(values.count) times", code: .failure)
      }
      return value
    }
    let headers = SignatureHeaders(
      id: try value(SignatureHeaders.idName), timestamp: try value(SignatureHeaders.timestampName),
      signature: try value(SignatureHeaders.signatureName))
    Terminal.print("headers     ok: webhook-id, webhook-timestamp and webhook-signature occur once")
    return headers
  }

  private func check(_ headers: SignatureHeaders, body: [UInt8], secrets: [Secret]) throws {
    guard let verifier = Verifier(secrets: secrets, toleranceSeconds: tolerance) else {
      throw CommandFailure("OpenSSL offers no HMAC-SHA256", code: .failure)
    }
    do throws(VerificationError) {
      let now = at ?? WallTime.seconds
      let acceptance = try verifier.verify(headers, body: body.span, now: now)
      Terminal.print(
        "signature   ok: \(body.count) bytes of body, accepted by secret \(acceptance.secretPosition)")
      Terminal.print("timestamp   ok: \(acceptance.ageSeconds) s old, at most \(tolerance) s either way")
    } catch {
      switch error {
      case .malformedID: throw CommandFailure("webhook-id  FAILED: \(error)", code: .failure)
      case .malformedTimestamp, .outOfRange:
        throw CommandFailure("timestamp   FAILED: \(error)", code: .failure)
      case .noUsableSignature: throw CommandFailure("signature   FAILED: \(error)", code: .failure)
      case .mismatch:
        throw CommandFailure(
          """
          signature   FAILED: \(error). The body has \(body.count) bytes. It must be exactly the bytes that \
          were received, final newline included, not parsed and printed again. Check that the secret belongs \
          to the account that sent it.
          """, code: .failure)
      }
    }
  }

  private func decode(_ body: [UInt8]) throws {
    do throws(PredictionError) {
      let prediction = try Prediction(body: body.span)
      Terminal.print(
        Terminal.visible("body        ok: prediction \(prediction.id), status \(prediction.status)"))
    } catch {
      throw CommandFailure("body        FAILED: \(error)", code: .failure)
    }
  }
}
