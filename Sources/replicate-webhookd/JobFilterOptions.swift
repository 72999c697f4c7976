import ArgumentParser
internal import Bytes
import Jobs

/// Options that select jobs, the same for each command that lists them.
struct JobFilterOptions: ParsableArguments {
  @Option(help: "Only jobs in this state: \(JobState.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: String?

  @Option(help: "Only jobs of this model, owner/name.")
  var model: String?

  @Option(
    help: "Only jobs that ended so: \(EndSource.allCases.map(\.rawValue).joined(separator: ", ")).")
  var endedBy: String?

  @Flag(help: "Only jobs whose webhook was lost: their end was found by polling. As --ended-by poll.")
  var lost = false

  @Option(
    help: ArgumentHelp(
      "Only jobs whose metadata has this member, a string, number or boolean; repeat it for more.",
      valueName: "key=value"))
  var metadata: [String] = []

  @Option(help: "Only jobs with these ids, their own or their predictions', separated by commas.")
  var ids: String?

  @Option(help: "What the JSON has of each job beside: input, output, metrics, separated by commas.")
  var include: String?

  func validate() throws {
    guard !lost || endedBy == nil else { throw ValidationError("give --lost or --ended-by, not both") }
    guard metadata.allSatisfy({ $0.contains("=") }) else {
      throw ValidationError("--metadata takes KEY=VALUE, such as user=7")
    }
  }

  /// The parameters of the API.
  var parameters: [(name: String, value: String?)] {
    let members = metadata.map { member in
      let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        name: "metadata." + PercentEncoding.encode(String(parts[0])), value: parts.last.map(String.init)
      )
    }
    let end = lost ? EndSource.poll.rawValue : endedBy
    return [("state", state), ("model", model), ("ended_by", end)] + members + [
      ("ids", ids), ("include", include),
    ]
  }
}
