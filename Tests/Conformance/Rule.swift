/// What may come back, and what each possibility means. Whatever is not named breaks the RFC.
package struct Rule: Sendable {
  package enum Grade: String, Sendable {
    /// What the RFC asks for, or one of the things it leaves open.
    case conforms
    /// The RFC lets a server accept this, or does not forbid it; another reader may see other messages in the
    /// same bytes.
    case lenient
    /// Refuses, or ignores, what the RFC says is valid or should be tolerated.
    case stricter
    /// The answer is right, but the connection ends so that a client may miss it: reset, or neither read nor
    /// closed.
    case fragile
  }

  enum StatusSet: Sendable {
    /// The body was read, and the application answered.
    case accepted
    /// The GET target was served.
    case found
    case codes(Set<Int>)
  }

  struct Allowed: Sendable {
    var statuses: [StatusSet]
    var endings: Set<Ending.Kind>
    var grade = Grade.conforms
    /// Whether an interim answer has to come (true), must not come (false), or may.
    var interim: Bool?
  }

  private(set) var allowed: [Allowed]

  /// How many answers to wait for.
  var answerCount: Int { allowed.map(\.statuses.count).max() ?? 1 }
}

// MARK: - Rules

extension Rule {
  /// The body was read, and the connection is kept.
  static let accepted = Rule(allowed: [Allowed(statuses: [.accepted], endings: [.kept])])
  /// The GET target was served, and the connection is kept.
  static let found = Rule(allowed: [Allowed(statuses: [.found], endings: [.kept])])

  /// Answered with one of these, and kept or closed, in step either way.
  static func answered(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.kept, .closed])])
  }

  /// Refused with one of these: closed, or kept in step. Closing without a word is stricter than any RFC asks
  /// for.
  static func refused(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed, .kept])]).stricter(.silence)
  }

  /// Refused with one of these and closed: the RFC gives no other choice.
  static func closing(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed])])
  }

  /// Refused with one of these and closed, while the client still sends.
  static func finishing(_ codes: Int...) -> Rule {
    Rule(allowed: [Allowed(statuses: [.codes(Set(codes))], endings: [.closed])]).finishing
  }

  /// Closed so that the client reads the answer, or else fragile (RFC 9112 section 9.6 does not require
  /// more).
  var finishing: Rule { closed.or(ending([.reset, .waiting]).graded(.fragile)) }

  /// Several answers in order, then kept.
  static func sequence(_ statuses: [StatusSet]) -> Rule {
    Rule(allowed: [Allowed(statuses: statuses, endings: [.kept])])
  }

  /// Closed without an answer.
  static let silence = Rule(allowed: [Allowed(statuses: [], endings: [.closed])])
  /// Still waiting for more.
  static let waiting = Rule(allowed: [Allowed(statuses: [], endings: [.waiting])])
  /// Content without a status line, as HTTP/0.9 had it.
  static let withoutHead = Rule(allowed: [Allowed(statuses: [], endings: [.notHTTP])])

  /// The same answers, but the connection has to close.
  var closed: Rule { ending([.closed]) }
  /// The same answers, whether the connection closes or not.
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
  /// Nil where the RFC allows nothing of the kind.
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
