/// The allowed outcomes of a case and their grades. Everything else is a violation.
package struct Rule: Sendable {
  package enum Grade: String, Sendable {
    /// Required or left open by the RFC.
    case conforms
    /// Allowed or not forbidden by the RFC.
    ///
    /// Another reader may see other messages in the same bytes.
    case lenient
    /// Rejects, or ignores, input that the RFC calls valid or tolerable.
    case stricter
    /// The response is right, but the client may miss it.
    ///
    /// The connection is reset, or neither read nor closed.
    case fragile
  }

  enum StatusSet: Sendable {
    /// The body was read, and the application responded.
    case accepted
    /// The GET target was served.
    case found
    case codes(Set<Int>)
  }

  struct Allowed: Sendable {
    var statuses: [StatusSet]
    var endings: Set<Ending.Kind>
    var grade = Grade.conforms
    /// Whether an interim response must come (true), must not (false), or may.
    var interim: Bool?
  }

  private(set) var allowed: [Allowed]

  /// The number of responses to wait for.
  var answerCount: Int { allowed.map(\.statuses.count).max() ?? 1 }
}

// MARK: - Rules

extension Rule {
  /// The body was read, and the connection is kept.
  static let accepted = Rule(allowed: [Allowed(statuses: [.accepted], endings: [.kept])])
  /// The GET target was served, and the connection is kept.
  static let found = Rule(allowed: [Allowed(statuses: [.found], endings: [.kept])])

  /// A response with one of these statuses.
  ///
  /// The connection is kept or closed, in step either way.
  static func answered(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.kept, .closed])])
  }

  /// A refusal with one of these statuses; closed, or kept in step.
  ///
  /// Closing without a response is stricter than the RFCs require.
  static func refused(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed, .kept])]).stricter(.silence)
  }

  /// A refusal with one of these statuses, and a close.
  ///
  /// The RFC allows nothing else.
  static func closing(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed])])
  }

  /// A refusal and a close while the client still sends.
  ///
  /// The status is one of these.
  static func finishing(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed])]).finishing
  }

  /// Closed so that the client can read the response, else fragile.
  ///
  /// RFC 9112 section 9.6 requires no more.
  var finishing: Rule { closed.or(ending([.reset, .waiting]).graded(.fragile)) }

  /// Several responses in order, then kept.
  static func sequence(_ statuses: [StatusSet]) -> Rule {
    Rule(allowed: [Allowed(statuses: statuses, endings: [.kept])])
  }

  /// Closed without a response.
  static let silence = Rule(allowed: [Allowed(statuses: [], endings: [.closed])])
  /// Still waiting for more.
  static let waiting = Rule(allowed: [Allowed(statuses: [], endings: [.waiting])])
  /// Content without a status line, as in HTTP/0.9.
  static let withoutHead = Rule(allowed: [Allowed(statuses: [], endings: [.notHTTP])])

  /// The same responses, but the connection must close.
  var closed: Rule { ending([.closed]) }
  /// The same responses, whether the connection closes or not.
  var keptOrClosed: Rule { ending([.kept, .closed]) }

  private func ending(_ endings: Set<Ending.Kind>) -> Rule {
    Rule(allowed: allowed.map { Allowed(statuses: $0.statuses, endings: endings, grade: $0.grade) })
  }

  func withInterim(_ interim: Bool) -> Rule {
    Rule(
      allowed: allowed.map {
        Allowed(statuses: $0.statuses, endings: $0.endings, grade: $0.grade, interim: interim)
      })
  }

  func or(_ other: Rule) -> Rule { Rule(allowed: allowed + other.allowed) }
  func lenient(_ other: Rule) -> Rule { or(other.graded(.lenient)) }
  func stricter(_ other: Rule) -> Rule { or(other.graded(.stricter)) }

  private func graded(_ grade: Grade) -> Rule {
    Rule(
      allowed: allowed.map {
        Allowed(statuses: $0.statuses, endings: $0.endings, grade: grade, interim: $0.interim)
      })
  }
}

extension Rule.StatusSet {
  func contains(_ status: Int, at site: Site) -> Bool {
    switch self {
    case .accepted: site.acceptedStatuses.contains(status)
    case .found: status == 200
    case .codes(let codes): codes.contains(status)
    }
  }
}

// MARK: - Judging

extension Rule {
  /// The grade of an outcome; nil if it is a violation.
  func grade(_ outcome: Outcome, at site: Site) -> Grade? {
    allowed.first { $0.matches(outcome, at: site) }?.grade
  }
}

extension Rule.Allowed {
  fileprivate func matches(_ outcome: Outcome, at site: Site) -> Bool {
    guard endings.contains(outcome.ending.kind), statuses.count == outcome.statuses.count else {
      return false
    }
    guard interim == nil || interim == outcome.hasInterim else { return false }
    return zip(statuses, outcome.statuses).allSatisfy { $0.contains($1, at: site) }
  }
}
