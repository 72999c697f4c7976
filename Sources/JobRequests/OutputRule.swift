package import JSONText

/// What the output of a succeeded prediction must be to be usable: the `expect` of a job, or of a pattern of models.
///
///     {"kind": "urls", "count": 4, "extensions": ["png", "webp"]}
///     {"kind": "text", "length": {"min": 1, "max": 20000}}
///
/// No JSON Schema: what an app can check better than these few rules, it checks on the output itself.
package struct OutputRule: Equatable, Sendable {
  package enum Kind: String, CaseIterable, Sendable {
    /// A string that is the URL of a file.
    case url
    /// URLs of files: one, or arrays and objects of them. An array's strings are URLs all; beside those of an object,
    /// which may have a caption, other strings may stand.
    case urls
    /// A string, or an array of strings, which are its pieces.
    case text
    /// An object or an array.
    case json
    /// Anything.
    case any
  }

  package internal(set) var kind = Kind.any
  /// How many URLs, for `urls`.
  package internal(set) var count: ClosedRange<Int>?
  /// In Unicode scalars, for `text`.
  package internal(set) var length: ClosedRange<Int>?
  /// Where files may be, for `url` and `urls`: these hosts, in lower case, and their subdomains.
  package internal(set) var hosts = ["replicate.delivery"]
  /// For `url` and `urls`: a file may be in the output itself, as a `data:` URI.
  package internal(set) var allowsData = false
  /// What the name of a file may end in, in lower case, for `url` and `urls`; nil for anything.
  package internal(set) var extensions: [String]?
  /// Output may be empty: absent, null, or with nothing in it but empty strings, arrays and objects.
  package internal(set) var allowsEmpty = false

  /// Anything that is not empty.
  package init() {}
}

/// Why an output is not usable, in a sentence that names the rule and nothing of the output.
package struct OutputBreach: Error, Equatable, Sendable {
  package let message: String
}

extension OutputRule {
  /// Nil where the output, by its place in a body that was validated, keeps the rule. Linear in the output's size.
  ///
  /// What Replicate has removed cannot be judged any more, and breaks no rule.
  package func check(_ output: JSONValue?, in body: Span<UInt8>, isDataRemoved: Bool) -> OutputBreach? {
    guard let output, !Self.isEmpty(output, in: body) else {
      return allowsEmpty || isDataRemoved
        ? nil : OutputBreach(message: "output is empty, and expect.allow_empty is not set")
    }
    return switch kind {
    case .any: nil
    case .json: output.kind == .object || output.kind == .array ? nil : mismatch("neither object nor array")
    case .text: textBreach(output, in: body)
    case .url: output.kind == .string ? fileBreach(output, in: body) : mismatch("not one string")
    case .urls: filesBreach(output, in: body)
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

  private func mismatch(_ what: String) -> OutputBreach {
    OutputBreach(message: "output is \(what), and expect.kind is \(kind.rawValue)")
  }

  // MARK: - Text

  private func textBreach(_ output: JSONValue, in body: Span<UInt8>) -> OutputBreach? {
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
    return OutputBreach(
      message: "output has \(found) characters, and expect.length is \(Self.describe(length))")
  }

  // MARK: - Files

  private func filesBreach(_ output: JSONValue, in body: Span<UInt8>) -> OutputBreach? {
    var found = 0
    var leaves = JSONLeaves(of: output)
    while let leaf = leaves.next(in: body) {
      // Members beside the files: a caption, a seed, a file that was not asked for.
      if leaf.isMember, !FileURL.isAttempt(leaf.value, in: body) { continue }
      guard leaf.value.kind == .string else { return mismatch("an array of more than URLs") }
      if let breach = fileBreach(leaf.value, in: body) { return breach }
      found += 1
    }
    guard found > 0 else { return mismatch("without a URL") }
    guard let count, !count.contains(found) else { return nil }
    let urls = found == 1 ? "1 URL" : "\(found) URLs"
    return OutputBreach(message: "output has \(urls), and expect.count is \(Self.describe(count))")
  }

  private func fileBreach(_ value: JSONValue, in body: Span<UInt8>) -> OutputBreach? {
    let url: FileURL
    do throws(FileURL.Fault) {
      url = try FileURL(value, in: body)
    } catch {
      return switch error {
      case .notAURL: mismatch("not a URL throughout")
      case .notHTTPS: OutputBreach(message: "output has a URL that is not https")
      case .malformed: OutputBreach(message: "output has a URL that is malformed or names a port")
      }
    }
    switch url.place {
    case .data where !allowsData:
      return OutputBreach(message: "output has a data: URI, and expect.allow_data is not set")
    case .host(let name) where !hosts.contains { name.isHost(orBelow: $0) }:
      return OutputBreach(message: "output has a URL whose host is not in expect.hosts")
    default: break
    }
    guard let extensions else { return nil }
    guard let ending = url.fileExtension, extensions.contains(where: { FileURL.isSame($0, ending) }) else {
      return OutputBreach(message: "output has a file whose ending is not in expect.extensions")
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
  /// This is the host `name`, or a subdomain of it. Both in lower case.
  fileprivate func isHost(orBelow name: String) -> Bool {
    let (host, wanted) = (Array(utf8), Array(name.utf8))
    return host == wanted || host.suffix(wanted.count + 1).elementsEqual([UInt8(ascii: ".")] + wanted)
  }
}
