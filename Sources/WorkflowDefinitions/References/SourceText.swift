package import JSONText

/// A JSON value that references lead into, with the files in it that are gone.
package struct SourceText: Equatable, Sendable {
  package let bytes: [UInt8]
  /// The value's place in ``bytes``.
  package let value: JSONValue
  /// The URLs of files that the provider has erased, in order of their places.
  package let expired: [ExpiredFile]

  package struct ExpiredFile: Equatable, Sendable {
    package let range: Range<Int>
    package let url: String

    package init(range: Range<Int>, url: String) {
      self.range = range
      self.url = url
    }
  }

  package init(bytes: [UInt8], value: JSONValue, expired: [ExpiredFile] = []) {
    self.bytes = bytes
    self.value = value
    self.expired = expired
  }

  /// Nil where `bytes` is no JSON value.
  package init?(_ bytes: [UInt8], expired: [ExpiredFile] = []) {
    guard let value = try? JSONScanner.validate(bytes.span) else { return nil }
    self.init(bytes: bytes, value: value, expired: expired)
  }

  /// A whole number.
  init(_ number: Int) {
    let digits = Array(String(number).utf8)
    self.init(bytes: digits, value: JSONValue(kind: .number, range: digits.indices))
  }

  /// The number of an array's elements.
  package var count: Int {
    var children = JSONChildren(of: value)
    var count = 0
    while children.next(in: bytes.span) != nil { count += 1 }
    return count
  }

  /// The elements of an array, each over the same bytes.
  package var elements: [SourceText] {
    guard value.kind == .array else { return [] }
    var elements: [SourceText] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: bytes.span) {
      elements.append(SourceText(bytes: bytes, value: child.value, expired: expired))
    }
    return elements
  }

  /// Where each string stands, in order.
  private var strings: [JSONValue] {
    var strings: [JSONValue] = []
    var leaves = JSONLeaves(of: value)
    while let leaf = leaves.next(in: bytes.span) {
      if leaf.value.kind == .string { strings.append(leaf.value) }
    }
    return strings
  }

  /// The value with the URLs of its files as they are now.
  ///
  /// - Parameter location: where the file of a URL is. Called for every string that looks like a URL.
  package func located<Failure>(
    _ location: (String) throws(Failure) -> FileLocation
  ) throws(Failure) -> SourceText {
    var output: [UInt8] = []
    var expired: [ExpiredFile] = []
    var end = value.range.lowerBound
    for string in strings {
      guard string.range.count <= Self.maxURLBytes, let url = string.text(in: bytes.span),
        url.hasPrefix("https://") || url.hasPrefix("http://")
      else { continue }
      switch try location(url) {
      case .unchanged: continue
      case .moved(let link):
        output += bytes[end..<string.range.lowerBound]
        output.append(jsonString: link)
        end = string.range.upperBound
      case .gone:
        output += bytes[end..<string.range.upperBound]
        end = string.range.upperBound
        expired.append(ExpiredFile(range: output.count - string.range.count..<output.count, url: url))
      }
    }
    guard end > value.range.lowerBound else { return self }
    output += bytes[end..<value.range.upperBound]
    let whole = JSONValue(kind: value.kind, range: output.indices)
    return SourceText(bytes: output, value: whole, expired: expired)
  }

  /// In bytes of JSON text. The provider's URLs take some 120.
  private static let maxURLBytes = 8192
}

/// Where the file of a URL is now.
package enum FileLocation: Equatable, Sendable {
  /// Still there, or no file of the provider.
  case unchanged
  /// A copy was kept.
  case moved(to: String)
  case gone
}
