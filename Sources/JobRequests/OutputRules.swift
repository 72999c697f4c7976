package import JSONText

/// Output rules by model, from a file. The first match decides.
///
///     [{"model": "black-forest-labs/*", "expect": {"kind": "urls"}}, {"model": "*", "expect": {}}]
///
/// or as an object:
///
///     {"meta/llama-3": {"kind": "text"}}
package struct OutputRules: Equatable, Sendable {
  private var entries: [Entry]
  /// Where no entry matches.
  private var general = OutputRule()

  private struct Entry: Equatable, Sendable {
    let pattern: ModelPattern
    var rule: OutputRule
  }

  /// Every succeeded prediction is matched against each rule.
  private static let maxRules = 1000

  /// Without rules, every output is usable unless it is empty.
  package init() {
    entries = []
  }

  /// The origin whose files pass every rule.
  package var localOrigin: LocalOrigin? {
    get { general.localOrigin }
    set {
      general.localOrigin = newValue
      for index in entries.indices { entries[index].rule.localOrigin = newValue }
    }
  }

  /// Where files may be that pass a rule, as sources of a Content-Security-Policy.
  ///
  /// `https://replicate.delivery`, `https://*.replicate.delivery`, `http://127.0.0.1:9000`.
  package var fileSources: [String] {
    let hosts = Set((entries.map(\.rule) + [general]).flatMap(\.hosts))
    return hosts.sorted().flatMap { ["https://\($0)", "https://*.\($0)"] }
      + (localOrigin.map { [$0.text] } ?? [])
  }

  /// The rule for predictions of `model`, `owner/name`.
  ///
  /// A body may name no model. Then only `*` matches.
  package func rule(for model: String?) -> OutputRule {
    entries.first { $0.pattern.matches(model) }?.rule ?? general
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

  func matches(_ model: String?) -> Bool {
    if text == "*" { return true }
    guard let model else { return false }
    // Bytes are compared, because Unicode equates some different letters.
    return text.hasSuffix("/*")
      ? model.utf8.starts(with: text.utf8.dropLast()) : model.utf8.elementsEqual(text.utf8)
  }
}

/// Why a file's text is not a set of output rules.
package enum OutputRulesError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformedJSON(JSONError)
  case notRules
  case tooMany(limit: Int)
  /// A rule, by its number from 1, that lacks `model` or `expect`.
  case notARule(Int)
  case invalidPattern(rule: Int)
  /// A second rule with the same pattern would never decide.
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
  /// Reads a file's text. The reader of the file limits its size.
  package init(text: Span<UInt8>) throws(OutputRulesError) {
    var entries: [Entry] = []
    var patterns: Set<ModelPattern> = []
    for (pattern, rule) in try Self.entries(in: text) {
      let number = entries.count + 1
      guard number <= Self.maxRules else { throw .tooMany(limit: Self.maxRules) }
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

  /// Patterns and rules in order; nil where an element lacks one.
  private static func entries(
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
