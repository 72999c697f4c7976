package import JSONText

/// The rule for usable output, from a job's or model's `expect`.
///
///     {"kind": "urls", "count": 4, "extensions": ["png", "webp"]}
///     {"kind": "text", "length": {"min": 1, "max": 20000}}
///
/// This is no JSON Schema: an app checks the output itself for more than these few rules.
package struct OutputRule: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// A string that is the URL of a file.
    case url
    /// URLs of files: one, or arrays and objects of them.
    ///
    /// All strings of an array are URLs. An object may have other strings too, such as a caption.
    case urls
    /// A string, or an array of its pieces.
    case text
    /// An object or an array.
    case json
    /// Anything.
    case any
  }

  package internal(set) var kind = Kind.any
  /// The number of URLs. Only with `urls`.
  package internal(set) var count: ClosedRange<Int>?
  /// In Unicode scalars. Only with `text`.
  package internal(set) var length: ClosedRange<Int>?
  /// Allowed hosts in lower case, with their subdomains. Only with `url` and `urls`.
  package internal(set) var hosts = ["replicate.delivery"]
  /// Whether a file may be a `data:` URI. Only with `url` and `urls`.
  package internal(set) var allowsData = false
  /// Allowed extensions of file names in lower case; nil for any. Only with `url` and `urls`.
  package internal(set) var extensions: [String]?
  /// Whether output may be empty.
  ///
  /// Empty output is absent or null, or has only empty strings, arrays and objects.
  package internal(set) var allowsEmpty = false
  /// An origin whose files are allowed beside those of ``hosts``. No rule's text names it.
  package var localOrigin: LocalOrigin?

  /// A rule that any output satisfies unless it is empty.
  package init() {}
}

/// Why an output is not usable.
///
/// The message names the rule, and nothing of the output.
package struct RuleViolation: Error, Equatable, Sendable {
  package let message: String
}

extension OutputRule {
  /// The output's violation of this rule; nil where it satisfies it.
  ///
  /// The body must be valid. The time is linear in the output's size. Data that Replicate has removed cannot
  /// be checked any more, and violates no rule.
  package func violation(
    by output: JSONValue?, in body: Span<UInt8>, isDataRemoved: Bool
  ) -> RuleViolation? {
    guard let output, !Self.isEmpty(output, in: body) else {
      return allowsEmpty || isDataRemoved
        ? nil : RuleViolation(message: "output is empty, and expect.allow_empty is not set")
    }
    return switch kind {
    case .any: nil
    case .json: output.kind == .object || output.kind == .array ? nil : mismatch("neither object nor array")
    case .text: textViolation(output, in: body)
    case .url: output.kind == .string ? fileViolation(output, in: body) : mismatch("not one string")
    case .urls: filesViolation(output, in: body)
    }
  }

  private static func isEmpty(_ output: JSONValue, in body: Span<UInt8>) -> Bool {
    var leaves = JSONLeaves(of: output)
    while let leaf = leaves.next(in: body) {
      switch leaf.value.kind {
      case .null: continue
      case .string where leaf.value.contents.isEmpty: continue
      default: return false
      }
    }
    return true
  }

  private func mismatch(_ actual: String) -> RuleViolation {
    RuleViolation(message: "output is \(actual), and expect.kind is \(kind.rawValue)")
  }

  // MARK: - Text

  private func textViolation(_ output: JSONValue, in body: Span<UInt8>) -> RuleViolation? {
    guard output.kind == .string || output.kind == .array else {
      return mismatch("neither text nor pieces of it")
    }
    let isCounted = length != nil
    var found = 0
    var leaves = JSONLeaves(of: output)
    while let leaf = leaves.next(in: body) {
      guard leaf.value.kind == .string, !leaf.isMember else {
        return mismatch("an array of more than strings")
      }
      if isCounted { found += leaf.value.text(in: body)?.unicodeScalars.count ?? 0 }
    }
    guard let length, !length.contains(found) else { return nil }
    return RuleViolation(
      message: "output has \(found) characters, and expect.length is \(Self.describe(length))")
  }

  // MARK: - Files

  private func filesViolation(_ output: JSONValue, in body: Span<UInt8>) -> RuleViolation? {
    var found = 0
    var leaves = JSONLeaves(of: output)
    while let leaf = leaves.next(in: body) {
      // Other members: a caption, a seed, an additional file.
      if leaf.isMember, !FileURL.isAttempt(leaf.value, in: body) { continue }
      guard leaf.value.kind == .string else { return mismatch("an array of more than URLs") }
      if let violation = fileViolation(leaf.value, in: body) { return violation }
      found += 1
    }
    guard found > 0 else { return mismatch("without a URL") }
    guard let count, !count.contains(found) else { return nil }
    let urls = found == 1 ? "1 URL" : "\(found) URLs"
    return RuleViolation(message: "output has \(urls), and expect.count is \(Self.describe(count))")
  }

  private func fileViolation(_ value: JSONValue, in body: Span<UInt8>) -> RuleViolation? {
    let url: FileURL
    do throws(FileURL.Fault) {
      url = try FileURL(value, in: body, localOrigin: localOrigin)
    } catch {
      return switch error {
      case .notAURL: mismatch("not a URL throughout")
      case .notHTTPS: RuleViolation(message: "output has a URL that is not https")
      case .malformed: RuleViolation(message: "output has a URL that is malformed or names a port")
      }
    }
    switch url.location {
    case .data where !allowsData:
      return RuleViolation(message: "output has a data: URI, and expect.allow_data is not set")
    case .host(let name) where !hosts.contains { name.isHost(orBelow: $0) }:
      return RuleViolation(message: "output has a URL whose host is not in expect.hosts")
    default: break
    }
    guard let extensions else { return nil }
    guard let ending = url.fileExtension, extensions.contains(where: { FileURL.isSame($0, ending) }) else {
      return RuleViolation(message: "output has a file whose ending is not in expect.extensions")
    }
    return nil
  }

  private static func describe(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    return range.upperBound == .max
      ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
  }
}

extension String {
  /// Whether this is the host `name` or a subdomain, in lower case.
  fileprivate func isHost(orBelow name: String) -> Bool {
    let (host, wanted) = (Array(utf8), Array(name.utf8))
    return host == wanted || host.suffix(wanted.count + 1).elementsEqual([UInt8(ascii: ".")] + wanted)
  }
}
