internal import JSONText

/// Why a definition is rejected: the step, the member, and the remedy.
package struct WorkflowFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The step's name, or `steps[2]` where it has none. Nil for a member of the workflow.
  package internal(set) var step: String?
  /// The path of the member, such as `input.image`. Nil for the body as a whole.
  package let member: String?
  package let reason: String

  package init(step: String? = nil, member: String?, reason: String) {
    self.step = step
    self.member = member
    self.reason = reason
  }

  /// The member's path from the top, such as `steps[1].input.image` or `limits.predictions`.
  package var field: String? {
    [step.map { $0.hasPrefix("steps[") ? $0 : "steps.\($0)" }, member].compactMap(\.self)
      .joined(separator: ".").nonEmpty
  }

  package var description: String {
    let place = [step.map { "step `\($0)`" }, member.map { "`\($0)`" }].compactMap(\.self)
    return place.isEmpty ? reason : "\(place.joined(separator: ", ")): \(reason)."
  }
}

extension String {
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}

/// The names and numbers that lead to a member, for an error text.
struct MemberPath {
  private enum Part {
    case name(Range<Int>)
    case index(Int)
  }

  private let root: String
  private var parts: [Part] = []

  init(_ root: String) { self.root = root }

  mutating func enter(name: Range<Int>) { parts.append(.name(name)) }
  mutating func enter(index: Int) { parts.append(.index(index)) }
  mutating func leave() { _ = parts.popLast() }

  /// `input.images[2].url`
  func text(in definition: Span<UInt8>) -> String {
    var path = root
    for part in parts {
      switch part {
      case .name(let range):
        path += "." + String.name(range, in: definition)
      case .index(let index): path += "[\(index)]"
      }
    }
    return path
  }
}

extension String {
  /// A member's name, cut for a message.
  static func name(_ range: Range<Int>, in text: Span<UInt8>) -> String {
    JSONString.decode(range.prefix(6 * 64), of: text).cutToLine(of: 64)
  }
}
