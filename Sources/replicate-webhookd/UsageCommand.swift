import ArgumentParser
internal import Bytes
import HTTPWire

/// `usage`: what has ended, by day and model.
struct UsageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Show what ended at a running daemon, by day and model.",
    discussion: """
      Days are those of UTC. PREDICT S is what Replicate counts as the time of predicting; LOST WEBHOOKS are ends that \
      no delivery told, and that the daemon found by asking.

      Exit status: 0, 1 where the daemon refuses, 69 where none answers.
      """)

  @Option(help: ArgumentHelp("The first day, such as 2026-11-01.", valueName: "day"))
  var from: String?

  @Option(help: ArgumentHelp("The last day.", valueName: "day"))
  var to: String?

  @Flag(help: "Print the API's JSON, also on a terminal.")
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
  /// `?name=value&…` of those parameters that have a value; empty where none has.
  static func query(_ parameters: [(name: String, value: String?)]) -> String {
    let pairs = parameters.compactMap { name, value in value.map { "\(name)=\(encode($0))" } }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }
}
