package import JSONText

/// A value of a definition, with references in it.
///
/// What is no reference keeps its bytes, white space included.
package struct Template: Equatable, Sendable {
  package enum Piece: Equatable, Sendable {
    /// A part of the definition's text.
    case text(Range<Int>)
    case expression(Expression)
  }

  package let pieces: [Piece]
  /// Where the value stands in the definition's text.
  package let range: Range<Int>

  package init(pieces: [Piece], range: Range<Int>) {
    self.pieces = pieces
    self.range = range
  }
}

/// An object that stands for another value.
package indirect enum Expression: Equatable, Sendable {
  /// `{"$from": "image#/0", "default": …}`
  case from(Reference, default: Template?)
  /// `{"$text": […]}`
  case text([Template])
  /// `{"$first": […]}`
  case first([Template])
  /// `{"$literal": …}`
  case literal(Range<Int>)
}

/// A place in a source: `image#/0`.
package struct Reference: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    case input
    case item
    /// The item's number, from 0.
    case index
    /// The output of a step, by its position in the definition.
    case step(Int)
  }

  package let source: Source
  package let pointer: JSONPointer
  /// As written.
  package let text: String

  package init(source: Source, pointer: JSONPointer, text: String) {
    self.source = source
    self.pointer = pointer
    self.text = text
  }
}

/// What decides whether a step runs.
package indirect enum Condition: Equatable, Sendable {
  /// - Parameter operand: where the operand stands in the definition's text.
  case test(Reference, Test, operand: Range<Int>)
  case all([Condition])
  case any([Condition])
  case not(Condition)

  package enum Test: String, CaseIterable, Sendable {
    case equals
    case notEquals = "not_equals"
    case isIn = "in"
    case exists
    case lessThan = "less_than"
    case greaterThan = "greater_than"
    case contains
  }
}

extension Template {
  /// Calls `body` with each reference.
  ///
  /// The value of a weak one may be missing: another alternative or a default takes its place.
  package func forEachReference(isWeak: Bool = false, _ body: (Reference, _ isWeak: Bool) -> Void) {
    for case .expression(let expression) in pieces {
      switch expression {
      case .from(let reference, let template):
        body(reference, isWeak || template != nil)
        template?.forEachReference(isWeak: true, body)
      case .text(let parts): for part in parts { part.forEachReference(isWeak: isWeak, body) }
      case .first(let values): for value in values { value.forEachReference(isWeak: true, body) }
      case .literal: break
      }
    }
  }
}

extension Condition {
  func forEachReference(_ body: (Reference) -> Void) {
    switch self {
    case .test(let reference, _, _): body(reference)
    case .all(let conditions), .any(let conditions):
      for condition in conditions { condition.forEachReference(body) }
    case .not(let condition): condition.forEachReference(body)
    }
  }
}
