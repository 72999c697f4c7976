/// A server's behaviour in one case.
package struct Outcome: Equatable, Sendable, CustomStringConvertible {
  /// The final responses before the probe.
  package var statuses: [Int] = []
  package var hasInterim = false
  package var ending = Ending.waiting

  package var description: String {
    let answers = statuses.map(String.init).joined(separator: " ")
    return (hasInterim ? "100 " : "") + (answers.isEmpty ? "" : answers + ", ") + ending.description
  }
}

extension Outcome {
  /// Whether both are equal except for an interim response.
  ///
  /// A server sends that or not by what has arrived (RFC 9110 section 10.1.1).
  package func isSame(as other: Outcome) -> Bool {
    statuses == other.statuses && ending == other.ending
  }
}

/// The final state of the connection.
package enum Ending: Equatable, Sendable, CustomStringConvertible {
  /// The probe got one correct response.
  case kept
  case closed
  /// Reset before the end of the response.
  case reset
  /// No response before the timeout, and not closed.
  case waiting
  /// The bytes received are not an HTTP/1 response.
  case notHTTP
  /// The probe got a wrong response, or several.
  ///
  /// The server sees other messages than were sent.
  case desynchronized(String)

  package enum Kind: Hashable, Sendable {
    case kept, closed, reset, waiting, notHTTP, desynchronized
  }

  package var kind: Kind {
    switch self {
    case .kept: .kept
    case .closed: .closed
    case .reset: .reset
    case .waiting: .waiting
    case .notHTTP: .notHTTP
    case .desynchronized: .desynchronized
    }
  }

  package var description: String {
    switch self {
    case .kept: "kept"
    case .closed: "closed"
    case .reset: "reset"
    case .waiting: "waiting"
    case .notHTTP: "no HTTP/1 answer"
    case .desynchronized(let what): "out of step: \(what)"
    }
  }
}

/// The verdict on one case.
package struct Verdict: Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    case conforms, lenient, stricter, fragile, violation
  }

  package let id: String
  package let kind: Kind
  package let outcome: Outcome
  /// Syntax errors of the responses, whatever their meaning.
  package let faults: [Fault]

  package var passes: Bool { kind == .conforms && faults.isEmpty }
}

/// A syntax error in a response.
package enum Fault: String, CaseIterable, Sendable {
  case malformedStatusLine = "malformed status line"
  case malformedField = "malformed field line"
  /// Required in all responses but 1xx and 5xx (RFC 9110 section 6.6.1).
  ///
  /// That holds if the server has a clock.
  case missingDate = "no Date"
  case malformedDate = "Date is no IMF-fixdate"
  case repeatedLength = "more than one Content-Length"
  case lengthAndCoding = "Content-Length beside Transfer-Encoding"
  case lengthWhereForbidden = "length in 204 or 1xx"
  case codingForHTTP10 = "Transfer-Encoding for HTTP/1.0"
  case interimForHTTP10 = "interim answer for HTTP/1.0"
  case malformedBody = "body is not framed as announced"
  case missingAllow = "405 without Allow"
  case missingChallenge = "401 without WWW-Authenticate"
  case unannouncedClose = "closed without Connection: close"
  case brokenClose = "answered after Connection: close"
  case headDiffersFromGet = "HEAD has another length than GET"
  case injectedField = "a field that the request made up"
}
