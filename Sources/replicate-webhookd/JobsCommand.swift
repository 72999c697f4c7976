import ArgumentParser
import HTTPWire
import Jobs

/// `jobs`: the newest jobs, as a table or as JSON.
struct JobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs of a running daemon, newest first.")

  @Option(help: "Only jobs in this state: \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: String?

  @Option(help: "Only jobs of this model, owner/name.")
  var model: String?

  @Option(help: "At most so many, 1 to 500.")
  var limit = 50

  @Option(help: "Go on where the list before ended: its `next`.")
  var after: String?

  @Flag(help: "Print the API's JSON, also on a terminal.")
  var json = false

  @OptionGroup var api: JobsAPIOptions

  func run() throws {
    try reportingFailure {
      let parameters = [("state", state), ("model", model), ("after", after), ("limit", String(limit))]
      let query = parameters.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.encode($0))" }
      }
      let answer = try api.client().get("/jobs?" + query.joined(separator: "&"))
      guard !json, Terminal.isInteractive, let document = JSONDocument(answer) else {
        return Terminal.print(answer)
      }
      Terminal.print(JobTable.list(document))
    }
  }
}
