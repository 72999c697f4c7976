internal import Foundation

/// The members of a job's document that the proofs compare.
struct JobDocument: Decodable, Equatable {
  let id: String
  let state: String
  let revision: Int
}

struct JobPage: Decodable {
  let jobs: [JobDocument]
}

/// The deliveries of one job, oldest first.
struct HistoryDocument: Decodable {
  struct Row: Decodable {
    /// Nil for what a call of the daemon has found.
    let webhookID: String?
    let outcome: String
    let state: String
    let revision: Int
    /// Nil where there was no body, as with a 404.
    let digest: String?

    enum CodingKeys: String, CodingKey {
      case webhookID = "webhook_id"
      case outcome, state, revision
      case digest = "body_sha256"
    }

    /// Whether its id was seen for the first time.
    ///
    /// A conflict counts too: no id of the proofs comes with two bodies, but some jobs claim two ends.
    var isFirst: Bool { outcome != "duplicate" }
  }

  let deliveries: [Row]
}

extension Decodable {
  static func decode(_ bytes: [UInt8]) throws -> Self {
    try JSONDecoder().decode(Self.self, from: Data(bytes))
  }
}
