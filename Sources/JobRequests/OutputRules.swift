package import JSONText

/// Rules for outputs by model, as they stand in a file: the first whose pattern fits decides.
///
///     [{"model": "black-forest-labs/*", "expect": {"kind": "urls"}}, {"model": "*", "expect": {}}]
///
/// or, where no model needs two patterns, as an object:
///
///     {"meta/llama-3": {"kind": "text"}}
package struct OutputRules: Equatable, Sendable {
  private let entries: [Entry]

  private struct Entry: Equatable, Sendable {
    let pattern: ModelPattern
    let rule: OutputRule
  }

  private static let general = OutputRule()

  /// More are not written by hand, and each is looked at for every prediction that succeeds.
  private static let mostRules = 1000

  /// Every output is usable but an empty one.
  package init() {
    entries = []
  }

  /// The rule for a prediction of `model`, `owner/name`. Nil, which a body may not name, fits `*` alone.
  package func rule(for model: String?) -> OutputRule {
    entries.first { $0.pattern.fits(model) }?.rule ?? Self.general
  }
}

/// `owner/name`, `owner/*`, or `*`.
struct ModelPattern: Hashable, Sendable {
  let text: String

  init?(_ text: String) {
    let exact = text.hasSuffix("/*") ? text.dropLast() + "x" : text
    guard text == "*" || ModelReference.isName(exact) else { return nil }
    self.text = text
  }

  func fits(_ model: String?) -> Bool {
    if text == "*" { return true }
    guard let model else { return false }
    // By their bytes: to Unicode, some letters equal others.
    return text.hasSuffix("/*")
      ? model.utf8.starts(with: text.utf8.dropLast()) : model.utf8.elementsEqual(text.utf8)
  }
}

/// Why a text holds no rules, in a sentence for whoever wrote the file.
package enum OutputRulesError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformedJSON(JSONError)
  case notRules
  case tooMany(limit: Int)
  /// The rule of that number, from 1, is no object of `model` and `expect`.
  case notARule(Int)
  case invalidPattern(rule: Int)
  /// A second rule for one pattern would never decide.
  case repeatedPattern(rule: Int)
  case invalidRule(Int, OutputRuleError)

  package var description: String {
    switch self {
    case .malformedJSON(let error): "is not JSON: \(error)"
    case .notRules: "must be an array of {\"model\": …, \"expect\": {…}}, or an object of rules by model"
    case .tooMany(let limit): "must have at most \(limit) rules"
    case .notARule(let number): "rule \(number) must be an object of `model` and `expect` and nothing else"
    case .invalidPattern(let number): "rule \(number): the model must be \"owner/name\", \"owner/*\" or \"*\""
    case .repeatedPattern(let number): "rule \(number): an earlier rule has the same model; leave one"
    case .invalidRule(let number, let error): "rule \(number): `expect` \(error)"
    }
  }
}

extension OutputRules {
  /// Reads a file's text, which whoever reads the file keeps small.
  package init(text: Span<UInt8>) throws(OutputRulesError) {
    var entries: [Entry] = []
    var patterns: Set<ModelPattern> = []
    for (pattern, rule) in try Self.written(in: text) {
      let number = entries.count + 1
      guard number <= Self.mostRules else { throw .tooMany(limit: Self.mostRules) }
      guard let pattern, let rule else { throw .notARule(number) }
      guard let pattern = ModelPattern(pattern) else { throw .invalidPattern(rule: number) }
      guard patterns.insert(pattern).inserted else { throw .repeatedPattern(rule: number) }
      do throws(OutputRuleError) {
        entries.append(Entry(pattern: pattern, rule: try OutputRule(expect: text.extracting(rule.range))))
      } catch {
        throw .invalidRule(number, error)
      }
    }
    self.entries = entries
  }

  /// Patterns and rules, in order; nil where an element has none.
  private static func written(
    in text: Span<UInt8>
  ) throws(OutputRulesError) -> [(pattern: String?, rule: JSONValue?)] {
    do throws(JSONError) {
      let value = try JSONScanner.validate(text)
      switch value.kind {
      case .object:
        var rules: [(pattern: String?, rule: JSONValue?)] = []
        for member in try JSONScanner.object(value, in: text).members {
          rules.append((JSONString.decode(member.name, of: text), member.value))
        }
        return rules
      case .array:
        var rules: [(pattern: String?, rule: JSONValue?)] = []
        for element in try JSONScanner.elements(value, in: text) {
          rules.append(try rule(of: element, in: text))
        }
        return rules
      default: break
      }
    } catch {
      throw .malformedJSON(error)
    }
    throw .notRules
  }

  private static func rule(
    of element: JSONValue, in text: Span<UInt8>
  ) throws(JSONError) -> (pattern: String?, rule: JSONValue?) {
    guard element.kind == .object else { return (nil, nil) }
    let object = try JSONScanner.object(element, in: text)
    do throws(StrictMembers.Fault) {
      let members = try StrictMembers(object, of: text, known: ["model", "expect"])
      return (members["model"]?.text(in: text), members["expect"])
    } catch {
      return (nil, nil)
    }
  }
}
