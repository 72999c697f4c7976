internal import Bytes
internal import JSONText

/// Where a file of an output is, read by hand and strictly: two readers that disagree about the host of a URL are how a
/// check is passed with one host and a download made from another.
struct FileURL {
  enum Place: Equatable {
    /// In lower case.
    case host(String)
    /// In the URI itself (RFC 2397).
    case data
  }

  enum Fault: Error, Equatable {
    case notAURL
    case notHTTPS
    case malformed
  }

  let place: Place
  /// What the last part of the path ends in, or the subtype of the media type of a data URI; in lower case.
  let fileExtension: String?

  /// In bytes of JSON text. Replicate's take some 120.
  private static let longestURL = 8192
  private static let longestHost = 253
  private static let longestExtension = 16
  /// What decides about a data URI is in front; every byte of it may be written as an escape.
  private static let dataPrefix = 6 * 128

  /// A string that claims to be a URL of a file, right or wrong. Decides about strings that need not be one.
  static func isAttempt(_ value: JSONValue, in body: Span<UInt8>) -> Bool {
    guard let start = value.prefix(6 * 8, in: body)?.lowercased() else { return false }
    return start.hasPrefix("https:") || start.hasPrefix("http:") || start.hasPrefix("data:")
  }

  /// Reads a string of a body that was validated, as it is without its escapes.
  init(_ value: JSONValue, in body: Span<UInt8>) throws(Fault) {
    guard let start = value.prefix(Self.dataPrefix, in: body) else { throw .notAURL }
    if start.utf8.prefix(5).lowercaseText == "data:" {
      place = .data
      fileExtension = Self.subtype(ofDataURI: start)
      return
    }
    guard value.range.count <= Self.longestURL, let text = value.text(in: body) else { throw .malformed }
    let bytes = Array(text.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      bytes.first?.isAlpha ?? false,
      bytes[..<colon].allSatisfy({ $0.isAlphanumeric || "+-.".utf8.contains($0) })
    else { throw .notAURL }
    guard bytes[..<colon].lowercaseText == "https" else {
      // "Note: a text" is no URL of another scheme.
      throw bytes[colon...].starts(with: "://".utf8) ? .notHTTPS : .notAURL
    }
    // A control or a space ends a URL for some readers, a backslash is a slash for some.
    guard bytes[colon...].starts(with: "://".utf8), !bytes.contains(where: Self.isForbidden) else {
      throw .malformed
    }
    let rest = bytes[(colon + 3)...]
    let authority = rest.prefix { !"/?#".utf8.contains($0) }
    let path = rest[authority.endIndex...].prefix { !"?#".utf8.contains($0) }
    place = .host(try Self.host(of: authority))
    fileExtension = Self.ending(ofPath: path)
  }

  private static func isForbidden(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "\\")
  }

  /// `authority = host [":443"]`: a user name before an at sign is refused with every other character that a DNS name
  /// does not have, and so are addresses in brackets and escapes.
  private static func host(of authority: ArraySlice<UInt8>) throws(Fault) -> String {
    let port = Array(":443".utf8)
    let host = authority.suffix(4).elementsEqual(port) ? authority.dropLast(4) : authority
    let name = host.lowercaseText
    guard isHostName(name) else { throw .malformed }
    return name
  }

  /// Labels of lower-case letters, digits and hyphens (RFC 1123 section 2.1), at least two of them.
  static func isHostName(_ name: String) -> Bool {
    guard name.utf8.count <= longestHost else { return false }
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
    return (1...longestExtension).contains(ending.count) ? ending.lowercaseText : nil
  }

  /// `data:image/svg+xml;base64,…` is svg: a suffix tells of the syntax, not of the file.
  private static func subtype(ofDataURI start: String) -> String? {
    let type = start.utf8.dropFirst(5).prefix { !";,+".utf8.contains($0) }
    guard let slash = type.firstIndex(of: UInt8(ascii: "/")) else { return nil }
    let subtype = type[type.index(after: slash)...]
    return (1...longestExtension).contains(subtype.count) ? subtype.lowercaseText : nil
  }

  /// Both in lower case. Two endings are one where files use the one and media types the other.
  static func isSame(_ left: String, _ right: String) -> Bool {
    let aliases = ["jpg": "jpeg", "tif": "tiff", "mpga": "mpeg", "mp3": "mpeg"]
    return (aliases[left] ?? left) == (aliases[right] ?? right)
  }
}

extension Collection<UInt8> {
  /// ASCII letters in lower case; what is not UTF-8 is repaired.
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
