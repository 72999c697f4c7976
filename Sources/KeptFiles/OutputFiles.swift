package import Downloads
internal import JSONText

/// The files that an output names.
///
/// A file is a string that is wholly a URL of an allowed host, or a `data:` URI. All other strings are text.
package struct OutputFiles: Equatable {
  /// Of one job.
  package static let maxFiles = 1000
  /// Files that are nested more deeply are not found.
  private static let maxDepth = 32
  /// Neither are those behind a longer pointer, which each of them would repeat.
  private static let maxPointerBytes = 1024

  package struct File: Equatable {
    /// A JSON pointer into the job's document (RFC 6901).
    let at: String
    /// Nil for a `data:` URI.
    let url: String?
    /// The position of an earlier file with the same URL.
    var sameAs: Int?
  }

  /// In the order of the document. Empty where there are too many.
  package private(set) var files: [File] = []
  package private(set) var isTooMany = false
  private var positions: [String: Int] = [:]

  /// - Parameter body: the snapshot of the end.
  package init(in body: [UInt8], of sources: SourceRules) {
    let span = body.span
    guard let output = Self.output(in: span) else { return }
    collect(output, at: "/output", depth: 0, in: span, of: sources)
    if isTooMany { files = [] }
  }

  /// Nil where the body has none.
  private static func output(in body: Span<UInt8>) -> JSONValue? {
    guard let object = try? JSONScanner.object(body), let output = object.value(named: "output", in: body),
      output.kind != .null
    else { return nil }
    return output
  }

  private mutating func collect(
    _ value: JSONValue, at pointer: String, depth: Int, in body: Span<UInt8>, of sources: SourceRules
  ) {
    guard !isTooMany, depth <= Self.maxDepth, pointer.utf8.count <= Self.maxPointerBytes else { return }
    switch value.kind {
    case .string: add(value, at: pointer, in: body, of: sources)
    case .array:
      // The whole body was validated, so no part of it can fail.
      for (index, element) in ((try? JSONScanner.elements(value, in: body)) ?? []).enumerated()
      where Self.mayHaveFiles(element) {
        collect(element, at: "\(pointer)/\(index)", depth: depth + 1, in: body, of: sources)
      }
    case .object:
      for member in (try? JSONScanner.object(value, in: body))?.members ?? []
      where Self.mayHaveFiles(member.value) {
        let name = JSONString.decode(member.name, of: body)
        collect(
          member.value, at: "\(pointer)/\(Self.escaped(name))", depth: depth + 1, in: body, of: sources)
      }
    default: break
    }
  }

  private static func mayHaveFiles(_ value: JSONValue) -> Bool {
    switch value.kind {
    // Text models answer with thousands of short strings.
    case .string: value.range.count > 8
    case .array, .object: true
    default: false
    }
  }

  private mutating func add(
    _ value: JSONValue, at pointer: String, in body: Span<UInt8>, of sources: SourceRules
  ) {
    let file: File
    if let text = Self.url(value, in: body) {
      guard case .url? = sources.source(text) else { return }
      file = File(at: pointer, url: text, sameAs: positions[text])
      positions[text] = positions[text] ?? files.count
    } else {
      // Its content may be megabytes, so only the start is decoded.
      guard let start = value.prefix(Self.maxDataStart, in: body), case .data? = sources.source(start) else {
        return
      }
      file = File(at: pointer, url: nil)
    }
    guard files.count < Self.maxFiles else {
      isTooMany = true
      return
    }
    files.append(file)
  }

  private static let maxDataStart = 1024

  /// The text of a string that may be a URL; nil for any other.
  private static func url(_ value: JSONValue, in body: Span<UInt8>) -> String? {
    // Each of its bytes may be written as an escape.
    guard value.range.count <= 6 * SourceRules.maxBytes,
      let start = value.prefix(24, in: body), start.lowercased().hasPrefix("http")
    else { return nil }
    return value.text(in: body)
  }

  /// RFC 6901 section 3.
  private static func escaped(_ name: String) -> String {
    name.replacing("~", with: "~0").replacing("/", with: "~1")
  }
}

extension OutputFiles {
  /// The string at a JSON pointer that ``files`` has.
  package static func text(at pointer: String, in body: [UInt8]) -> String? {
    let span = body.span
    guard var value = Self.output(in: span) else { return nil }
    for part in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2) {
      switch value.kind {
      case .array:
        guard let index = Int(part), let elements = try? JSONScanner.elements(value, in: span),
          elements.indices.contains(index)
        else { return nil }
        value = elements[index]
      case .object:
        let members = (try? JSONScanner.object(value, in: span))?.members ?? []
        guard
          let member = members.last(where: { Self.escaped(JSONString.decode($0.name, of: span)) == part })
        else { return nil }
        value = member.value
      default: return nil
      }
    }
    return value.text(in: span)
  }
}
