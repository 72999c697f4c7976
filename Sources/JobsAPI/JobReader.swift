internal import HTTPWire
package import Routing
package import Time

/// The sender of a request that reads one job.
package enum JobReader: Sendable {
  /// A client of the API, which sees the whole job.
  case api
  /// A person who has signed in, and sees the whole job until the session expires.
  case session(until: Timestamp)
  /// A holder of the job's token, until that expires.
  ///
  /// It sees the job without what the app keeps in it for itself: `metadata`, `callback`, `webhook_query`.
  case tokenHolder(until: Timestamp)

  /// The name of the token's query parameter, for clients such as `EventSource` that cannot send fields.
  static let tokenParameter = "token"

  package var scope: DocumentScope {
    switch self {
    case .api, .session: .full
    case .tokenHolder: .browser
    }
  }

  /// The query parameters that belong to the reader.
  package var parameters: [String] { scope == .full ? [] : [Self.tokenParameter] }

  /// Fields of the responses. A cache would keep a job beyond the time of the token in its URL.
  var fields: [(name: String, value: String)] { scope == .full ? [] : [("Cache-Control", "no-store")] }

  /// `problem` as the reader is shown it.
  package func refusal(of problem: Problem) -> Problem {
    problem.code == .jobNotFound && scope != .full ? .jobNotOpened : problem
  }

  /// The moment at which a stream to the reader ends; nil if nothing bounds it.
  package var expiry: Timestamp? {
    switch self {
    case .api: nil
    case .session(let expiry), .tokenHolder(let expiry): expiry
    }
  }
}

/// Tokens that each open the reads of one job.
package protocol ReadTokenVerifier: Sendable {
  /// Whether `text` looks like one of these tokens, valid or not.
  func hasForm(_ text: String) -> Bool

  /// When `token` expires; nil if it does not open the job `jobID` now.
  ///
  /// The time taken depends on neither the job nor the token.
  func expiry(of token: String, for jobID: String, at now: Timestamp) -> Timestamp?
}

/// Reads of single jobs for others than the API's clients.
package struct JobSharing: Sendable {
  package let tokens: any ReadTokenVerifier
  /// The web origins whose pages may use the tokens, as browsers send them.
  ///
  /// If there is one, the listener of deliveries serves these reads too.
  package let origins: Set<String>

  package init(tokens: any ReadTokenVerifier, origins: Set<String>) {
    self.tokens = tokens
    self.origins = origins
  }
}

extension Problem {
  /// One refusal for every cause, so that it reveals none.
  static let jobNotOpened = Problem(
    .notFound, .jobNotFound,
    "this token opens no job here: it may be wrong or expired, or made for another job, or the job is gone",
    fields: [("Cache-Control", "no-store")])
}
