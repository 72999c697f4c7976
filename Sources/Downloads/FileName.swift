internal import Bytes

/// The name that a kept file is offered under.
///
/// It is made of letters, digits, dots, hyphens and underscores alone, so that no header, shell or file
/// system reads more into it.
package enum FileName {
  private static let maxBytes = 100
  private static let maxExtensionBytes = 12

  /// The last segment of the URL's path, percent-decoded; or a name of the file's number and type.
  static func of(_ source: SourceURL, index: Int, type: MediaType) -> String {
    let path = source.text.dropFirst("https://".count).prefix { $0 != "?" }
    guard let slash = path.lastIndex(of: "/") else { return numbered(index, type: type) }
    let segment = String(path[path.index(after: slash)...])
    let name = clean(PercentEncoding.decode(segment.utf8Span.span, plusIsSpace: false) ?? segment)
    return name.utf8.allSatisfy { $0 == UInt8(ascii: ".") } ? numbered(index, type: type) : name
  }

  /// A name such as `output-0.png`.
  static func numbered(_ index: Int, type: MediaType) -> String {
    "output-\(index)" + (type.fileExtension.map { ".\($0)" } ?? "")
  }

  /// What stands behind the last dot, in lower case. Nil if there is no dot.
  static func fileExtension(of name: String) -> String? {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    let text = name[name.index(after: dot)...]
    return (1...maxExtensionBytes).contains(text.utf8.count) ? text.lowercased() : nil
  }

  private static func clean(_ text: String) -> String {
    let name = String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(SourceRules.maxBytes).map { scalar in
          guard scalar.isASCII, let byte = UInt8(exactly: scalar.value),
            byte.isAlphanumeric || "._-".utf8.contains(byte)
          else { return "_" }
          return scalar
        }))
    guard name.utf8.count > maxBytes else { return name }
    let end = fileExtension(of: name).map { ".\($0)" } ?? ""
    return name.prefix(maxBytes - end.utf8.count) + end
  }
}
