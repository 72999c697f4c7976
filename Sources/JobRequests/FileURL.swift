internal import Bytes
internal import JSONText

/// The URL of an output's file, parsed strictly.
///
/// Where two parsers disagree about a URL's host, one host passes the check and another serves the download.
struct FileURL {
  enum Location: Equatable {
    /// In lower case.
    case host(String)
    /// At the stand-in for Replicate on this machine.
    case localOrigin
    /// In the URI itself (RFC 2397).
    case data
  }

  enum Fault: Error, Equatable {
    case notAURL
    case notHTTPS
    case malformed
  }

  let location: Location
  /// The file name's extension or a data URI's subtype, in lower case.
  let fileExtension: String?

  /// In bytes of JSON text. Replicate's URLs take some 120.
  private static let maxURLBytes = 8192
  private static let maxHostLength = 253
  private static let maxExtensionLength = 16
  /// The start of a data URI, with its media type. Every byte may be escaped.
  private static let dataPrefixBytes = 6 * 128

  /// Whether a string looks like a file's URL, valid or not.
  ///
  /// It decides about strings that need not be one.
  static func isAttempt(_ value: JSONValue, in body: Span<UInt8>) -> Bool {
    guard let start = value.prefix(6 * 8, in: body)?.lowercased() else { return false }
    return start.hasPrefix("https:") || start.hasPrefix("http:") || start.hasPrefix("data:")
  }

  /// Reads a string of a validated body, unescaped.
  ///
  /// - Parameter localOrigin: an origin that needs neither https nor a DNS name.
  init(_ value: JSONValue, in body: Span<UInt8>, localOrigin: LocalOrigin?) throws(Fault) {
    guard let start = value.prefix(Self.dataPrefixBytes, in: body) else { throw .notAURL }
    if start.utf8.prefix(5).lowercaseText == "data:" {
      location = .data
      fileExtension = Self.subtype(ofDataURI: start)
      return
    }
    guard value.range.count <= Self.maxURLBytes, let text = value.text(in: body) else { throw .malformed }
    let bytes = Array(text.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      bytes.first?.isAlpha ?? false,
      bytes[..<colon].allSatisfy({ $0.isAlphanumeric || "+-.".utf8.contains($0) })
    else { throw .notAURL }
    let isSecure = bytes[..<colon].lowercaseText == "https"
    guard isSecure || localOrigin != nil && bytes[..<colon].lowercaseText == "http" else {
      // "Note: a text" is not a URL of another scheme.
      throw bytes[colon...].starts(with: "://".utf8) ? .notHTTPS : .notAURL
    }
    // Some parsers end a URL at a control or a space, and some read a backslash as a slash.
    guard bytes[colon...].starts(with: "://".utf8), !bytes.contains(where: Self.isForbidden) else {
      throw isSecure ? .malformed : .notHTTPS
    }
    let rest = bytes[(colon + 3)...]
    let authority = rest.prefix { !"/?#".utf8.contains($0) }
    let path = rest[authority.endIndex...].prefix { !"?#".utf8.contains($0) }
    fileExtension = Self.ending(ofPath: path)
    if let localOrigin, localOrigin.contains(bytes[..<authority.endIndex]) {
      location = .localOrigin
      return
    }
    guard isSecure else { throw .notHTTPS }
    location = .host(try Self.host(of: authority))
  }

  private static func isForbidden(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\")
  }

  /// Reads `authority = host [":443"]`, whose host is a DNS name.
  ///
  /// A user name before an at sign, an address in brackets and an escape are therefore rejected.
  private static func host(of authority: ArraySlice<UInt8>) throws(Fault) -> String {
    let port = Array(":443".utf8)
    let host = authority.suffix(4).elementsEqual(port) ? authority.dropLast(4) : authority
    let name = host.lowercaseText
    guard isHostName(name) else { throw .malformed }
    return name
  }

  /// Whether `name` has at least two labels (RFC 1123 section 2.1).
  ///
  /// Letters must be in lower case.
  static func isHostName(_ name: String) -> Bool {
    guard name.utf8.count <= maxHostLength else { return false }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return labels.count > 1
      && labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
          && label.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte.decimalDigit != nil
              || byte == UInt8(ascii: "-")
          }
      }
  }

  private static func ending(ofPath path: ArraySlice<UInt8>) -> String? {
    let name = path.suffix(while: { $0 != UInt8(ascii: "/") })
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    let ending = name[(dot + 1)...]
    return (1...maxExtensionLength).contains(ending.count) ? ending.lowercaseText : nil
  }

  /// The subtype of a data URI's media type, without its suffix.
  ///
  /// In `data:image/svg+xml;base64,…` it is svg, because a suffix names only the syntax.
  private static func subtype(ofDataURI start: String) -> String? {
    let type = start.utf8.dropFirst(5).prefix { !";,+".utf8.contains($0) }
    guard let slash = type.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    let subtype = type[type.index(after: slash)...]
    return (1...maxExtensionLength).contains(subtype.count) ? subtype.lowercaseText : nil
  }

  /// Whether two extensions in lower case are equal or aliases.
  ///
  /// File names and media types use different ones.
  static func isSame(_ left: String, _ right: String) -> Bool {
    let aliases = ["jpg": "jpeg", "tif": "tiff", "mpga": "mpeg", "mp3": "mpeg"]
    return (aliases[left] ?? left) == (aliases[right] ?? right)
  }
}

extension Collection<UInt8> {
  /// The text with ASCII letters in lower case, and invalid UTF-8 repaired.
  fileprivate var lowercaseText: String {
    String(decoding: map(\.lowercased), as: UTF8.self)
  }
}

extension BidirectionalCollection {
  fileprivate func suffix(while predicate: (Element) -> Bool) -> SubSequence {
    var start = endIndex
    while start > startIndex, predicate(self[index(before: start)]) { formIndex(before: &start) }
    return self[start...]
  }
}
