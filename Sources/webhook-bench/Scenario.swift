import ArgumentParser

/// What is measured. Each scenario changes one thing of the plainest, `single`.
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

  var explanation: String {
    switch self {
    case .single: "one delivery a job, all of them succeeded"
    case .lifecycle: "2 to 20 deliveries a job, from starting to its end, interleaved over 500 jobs"
    case .duplicates: "30 of 100 deliveries repeat an earlier one"
    case .badSignatures: "10 of 100 deliveries carry a signature that does not fit"
    case .small: "bodies of 500 bytes"
    case .large: "bodies of 60,000 bytes; 2,000 deliveries unless told otherwise"
    case .huge: "bodies of 900,000 bytes; 200 deliveries unless told otherwise"
    case .newConnections: "a connection for every delivery; its time includes the connecting"
    case .tls: "kept connections with TLS, by a certificate that is made for it"
    case .idle: "deliveries while --idle-connections others are open and silent"
    case .start: "--repeats times, how long a daemon takes from its start to its first answer"
    case .fill: "what deliveries cost while the store grows to --jobs jobs"
    case .reads: "GET /jobs/{id}, with --jobs jobs in the store"
    case .lists: "GET /jobs, pages of 50 of --jobs jobs; 1,000 unless told otherwise"
    case .readsDuringWrites:
      "deliveries, and GET /jobs/{id} on 16 connections meanwhile, with --jobs jobs stored"
    }
  }

  /// There are --jobs jobs before it begins, or at its end.
  var fillsStore: Bool { [.fill, .reads, .lists, .readsDuringWrites].contains(self) }

  /// How many deliveries, or reads, there are unless the user says.
  var defaultDeliveries: Int {
    switch self {
    case .large: 2000
    case .huge: 200
    case .lists: 1000
    default: 20_000
    }
  }

  /// Bytes of a body unless the user says.
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

/// One scenario, or all of them.
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
