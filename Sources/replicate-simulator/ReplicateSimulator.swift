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
    abstract: "Simulates Replicate for demos and tests: part of its HTTP API, and signed webhooks.",
    discussion: """
      Prints its address, http://host:port, as the only line on standard output. To point a client at it, \
      set REPLICATE_BASE_URL for the Python library, or baseUrl (with /v1) in the JavaScript one. Any token \
      is accepted.

        curl http://127.0.0.1:9000/v1/models/demo/hello/predictions -H 'Authorization: Bearer any' \\
          -d '{"input": {"prompt": "a fox"}, "webhook": "http://127.0.0.1:8080/webhooks/replicate"}'

      The model's name selects the behaviour of a prediction. The owner \(Preset.missingOwner) has no models.

      \(Preset.table)

      Any other model behaves as \(Preset.standard). A `simulate` object in the input overrides parts of it: \
      end (succeeded, failed, canceled, aborted), error, queue_ms, duration_ms, output (any JSON).

        {"prompt": "a fox", "simulate": {"end": "failed", "duration_ms": 500}}

      The files of an output are real: they are made when they are read, from the input's prompt and seed, \
      and served at the simulator's own address, without a token. The same prompt and seed make the same \
      file. --output-lifetime after the end they are gone, with the input, the output and the logs. Clients \
      that accept only https: URLs as files need --output-base https://replicate.delivery.

      --models FILE adds models of your own. An output may be any JSON; in it, {"$file": KIND} becomes the \
      URL of a file (\(FileKind.inTemplates.map(\.rawValue).joined(separator: ", "))), and \
      {"$input": NAME} that member of the input. So it does in `simulate`.

        {"acme/upscale": {"output": [{"$file": "image"}], "duration": "500ms"},
         "acme/caption": {"output": {"text": {"$input": "prompt"}}},
         "acme/broken": {"end": "failed", "error": "out of luck"}}

      Each model has any of output, end, error, duration (from start to end), queue (from creation to \
      start) and logs (a text).

      A file takes more members: bytes (of the kind data: a file of that size), name, type (its \
      Content-Type), content (a text), and fault, one or several. {"$data": KIND} becomes the file itself, \
      as a data: URI.

        {"$file": "data", "bytes": 2000000, "fault": ["cut", "no-range"]}

      These faults meet the first request for the file, or as many as `times`: busy (503), missing (404), \
      denied (403), refused (400), cut (half of it, then the connection ends), stall (half of it, then \
      nothing). These meet every request: no-range, no-etag, changing (other bytes each time), chunked \
      (without a length), short (one byte less than announced), gzip (though not accepted), checksum \
      (x-goog-hash does not fit), redirect, redirects (without end), redirect-away (to another host).

      GET /simulator/files/BYTES/NAME serves such a file without a prediction, with ?fault=cut&times=2.

      Files of at most 100 MB can be uploaded, listed, read and deleted at /v1/files, and opened without a \
      token by their signed urls.download. They are kept in memory for 24 hours, at most 256 MB; the oldest \
      are evicted. Trainings run like predictions of their model, and end \
      with a version of their destination. The prefix /v1 is optional in paths.

      Webhooks have the fields webhook-id, webhook-timestamp and webhook-signature; GET \
      /v1/webhooks/default/secret returns the secret. Without webhook_events_filter, start, output and \
      completed are sent. output and logs are throttled to one every 500 ms. Only completed is retried: \
      after a 4xx, a 5xx or no response, up to six times with exponential backoff within --retry-window. A \
      redirect is neither followed nor retried.

      With a seed, the same creations in the same order get the same faults; ids are always unique. GET \
      /simulator/predictions, without a token, lists every prediction for tests: its status, the number of \
      creations with its webhook URL, and how many webhooks were planned, sent, acknowledged, lost on \
      purpose, or failed. `settled` is true once nothing more will happen.

      SIGTERM and SIGINT end it. Exit status: 0; 64 or 78 for a wrong option or file; 69 if it cannot listen.
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
  /// The help's table, one model per line.
  static var table: String {
    let width = (all.map(\.model.count).max() ?? 0) + 2
    return all.map { preset in
      "  " + preset.model + String(repeating: " ", count: width - preset.model.count) + preset.explanation
    }.joined(separator: "\n")
  }
}

/// The reason why the simulator cannot start.
struct StartFailure: Error, CustomStringConvertible {
  let description: String
  /// From sysexits.h.
  let status: Int32

  static func configuration(_ description: String) -> StartFailure {
    StartFailure(description: description, status: 78)
  }

  static func unavailable(_ description: String) -> StartFailure {
    StartFailure(description: description, status: 69)
  }
}
