import ArgumentParser
internal import Bytes
import Console
import HTTPWire

/// `usage`: counts ended jobs by day and model.
struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Show the ended jobs of a running daemon, by day and model.",
    discussion: """
      Days are in UTC. PREDICT S is Replicate's predict_time. LOST WEBHOOKS counts ends that arrived by no \
      delivery and that the daemon found by polling.

      Exit status: 0, 1 if the daemon rejects the request, 69 if none answers.
      """)

  @Option(help: ArgumentHelp("The first day, such as 2026-11-01.", valueName: "day"))
  var from: String?

  @Option(help: ArgumentHelp("The last day.", valueName: "day"))
  var to: String?

  @Flag(help: "Print the API's JSON, even on a terminal.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let answer = try api.client().get("/usage" + PercentEncoding.query([("from", from), ("to", to)]))
      guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
        Terminal.print(json: answer)
        return
      }
      Terminal.print(JobTable.usage(document))
    }
  }
}

extension PercentEncoding {
  /// `?name=value&…` of the parameters with a value; empty if none has.
  static func query(_ parameters: [(name: String, value: String?)]) -> String {
    let pairs = parameters.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }
}
