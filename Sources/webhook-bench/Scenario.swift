import ArgumentParser

/// A measurement; each scenario changes one thing in `single`.
enum Scenario: String, CaseIterable {
  case single
  case lifecycle
  case duplicates
  case badSignatures = "bad-signatures"
  case small
  case large
  case huge
  case newConnections = "new-connections"
  case tls
  case idle
  case start
  case fill
  case reads
  case lists
  case readsDuringWrites = "reads-during-writes"
  case streams
  case callbacks

  var explanation: String {
    switch self {
    case .single: "one delivery per job, all of them succeeded"
    case .lifecycle: "2 to 20 deliveries per job, from starting to its end, 500 jobs interleaved"
    case .duplicates: "30 of 100 deliveries repeat an earlier one"
    case .badSignatures: "10 of 100 deliveries have an invalid signature"
    case .small: "bodies of 500 bytes"
    case .large: "bodies of 60,000 bytes; 2,000 deliveries by default"
    case .huge: "bodies of 900,000 bytes; 200 deliveries by default"
    case .newConnections: "a new connection per delivery; the time includes connecting"
    case .tls: "keep-alive connections over TLS, with a generated certificate"
    case .idle: "deliveries while --idle-connections others are open and idle"
    case .start: "the time from a daemon's start to its first response, --repeats times"
    case .fill: "the cost of deliveries while the store grows to --jobs jobs"
    case .reads: "GET /jobs/{id}, with --jobs jobs in the store"
    case .lists: "GET /jobs, pages of 50 of --jobs jobs; 1,000 requests by default"
    case .readsDuringWrites:
      "deliveries, concurrent with GET /jobs/{id} on 16 connections, with --jobs jobs stored"
    case .callbacks:
      "deliveries while their jobs' callbacks go to a receiver that takes --callback-rate a second"
    case .streams:
      "deliveries to 2,000 jobs, while --streams event streams show one job each and --feeds all"
    }
  }

  /// Whether --jobs jobs are stored before or by the scenario.
  var fillsStore: Bool { [.fill, .reads, .lists, .readsDuringWrites].contains(self) }

  /// The default number of deliveries or reads.
  var defaultDeliveries: Int {
    switch self {
    case .large: 2000
    case .huge: 200
    case .lists: 1000
    default: 20_000
    }
  }

  /// The default size of a body.
  var defaultBodyBytes: Int {
    switch self {
    case .small: 500
    case .large: 60_000
    case .huge: 900_000
    default: 2500
    }
  }

  func adjust(_ recipe: inout Workload.Recipe) {
    switch self {
    case .lifecycle: recipe.deliveriesPerJob = 2...20
    case .duplicates: recipe.duplicatePercent = 30
    case .badSignatures: recipe.badSignaturePercent = 10
    case .newConnections: recipe.closesConnections = true
    default: break
    }
  }
}

/// The option's value: one scenario, or all.
struct ScenarioChoice: ExpressibleByArgument {
  let scenarios: [Scenario]
  let defaultValueDescription: String

  init?(argument: String) {
    defaultValueDescription = argument
    if argument == "all" {
      scenarios = Scenario.allCases
    } else if let scenario = Scenario(rawValue: argument) {
      scenarios = [scenario]
    } else {
      return nil
    }
  }

  init(_ scenario: Scenario) {
    (scenarios, defaultValueDescription) = ([scenario], scenario.rawValue)
  }

  static var allValueStrings: [String] { Scenario.allCases.map(\.rawValue) + ["all"] }
}
