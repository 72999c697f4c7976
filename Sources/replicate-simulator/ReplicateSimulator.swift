import ArgumentParser
import EventLoop
import HTTPClient
import HTTPServer
import StandardWebhooks
internal import System

@main
struct ReplicateSimulator: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "replicate-simulator",
    abstract: "Stands in for Replicate: enough of its HTTP API for demos and tests, and signed webhooks.",
    discussion: """
      Prints its address, http://host:port, as the only line on standard output. Point a client at it: \
      REPLICATE_BASE_URL for the Python library, baseUrl of the JavaScript one (with /v1). Any token will do.

        curl http://127.0.0.1:9000/v1/models/demo/hello/predictions -H 'Authorization: Bearer any' \\
          -d '{"input": {"prompt": "a fox"}, "webhook": "http://127.0.0.1:8080/webhooks/replicate"}'

      The model's name chooses what becomes of a prediction. An owner named \(Preset.missingOwner) has no models.

      \(Preset.table)

      Any other model behaves as \(Preset.standard). A `simulate` object in the input changes single points: end \
      (succeeded, failed, canceled, aborted), error, queue_ms, duration_ms, output (any JSON).

        {"prompt": "a fox", "simulate": {"end": "failed", "error": "out of luck", "duration_ms": 500}}

      Files of at most 100 MB can be uploaded, listed, read and deleted at /v1/files, and are kept in memory: 256 MB \
      of them, the oldest go first. Trainings run as predictions of their model do, and end with a version of their \
      destination. Paths may begin with /v1 or not.

      Webhooks bear webhook-id, webhook-timestamp and webhook-signature; GET /v1/webhooks/default/secret has the \
      secret. Without webhook_events_filter, start, output and completed are sent. output and logs come at most \
      every 500 ms. Only completed is tried again: after a 4xx, a 5xx or no answer, six times with growing waits \
      until --retry-window is over. A redirect is neither followed nor tried again.

      With a seed, the same creations in the same order meet the same faults; ids never repeat. \
      GET /simulator/predictions, without a token, tells tests of every prediction: its status, how often its \
      webhook URL was created with, and how many webhooks were planned, sent, acknowledged, lost on purpose, or \
      failed. `settled` says that nothing more will happen.

      Ends with SIGTERM or SIGINT. Exit status: 0; 64 or 78 where an option does not fit; 69 where it cannot listen.
      """,
    version: version)

  @OptionGroup var options: SimulatorOptions

  func run() throws {
    do throws(StartFailure) {
      Signals.block()
      try Simulator(options).run()
    } catch {
      Console.error(error.description)
      throw ExitCode(error.status)
    }
    Console.exitImmediately(0)
  }
}

extension Preset {
  /// For the help: one model a line.
  static var table: String {
    let width = (all.map(\.model.count).max() ?? 0) + 2
    return all.map { preset in
      "  " + preset.model + String(repeating: " ", count: width - preset.model.count) + preset.explanation
    }.joined(separator: "\n")
  }
}

/// Why the simulator does not start.
struct StartFailure: Error, CustomStringConvertible {
  let description: String
  /// After sysexits.h.
  let status: Int32

  static func configuration(_ description: String) -> StartFailure {
    StartFailure(description: description, status: 78)
  }

  static func unavailable(_ description: String) -> StartFailure {
    StartFailure(description: description, status: 69)
  }
}
