internal import HTTPWire

/// A reference parser of complete header sections, split at line ends.
///
/// It is independent of the parser that reads each byte once, so that they can disagree.
struct ReferenceRequest {
  private(set) var method: [UInt8] = []
  private(set) var segments: [[UInt8]] = []
  private(set) var query: [UInt8] = []
  private(set) var minorVersion = 0
  private(set) var fields: [(name: [UInt8], value: [UInt8])] = []
  private(set) var host: [UInt8] = []
  private(set) var framing = BodyFraming.none
  private(set) var isPersistent = false
  private(set) var expectsContinue = false

  /// The length of the section at the start of `stream`.
  ///
  /// Nil if its end is missing.
  static func length(of stream: ArraySlice<UInt8>) -> Int? {
    let skipped = stream.starts(with: "\r\n".utf8) ? 2 : 0
    if stream.dropFirst(skipped).starts(with: "\r\n".utf8) { return skipped + 2 }
    var index = stream.startIndex + skipped
    while index + 4 <= stream.endIndex {
      if stream[index..<index + 4].elementsEqual("\r\n\r\n".utf8) { return index + 4 - stream.startIndex }
      index += 1
    }
    return nil
  }

  /// Nil if the section is invalid. `section` ends with the empty line.
  init?(section: ArraySlice<UInt8>, limits: MessageLimits) {
    guard section.count <= limits.maxHeaderSectionBytes else { return nil }
    var lines = Self.lines(of: section)
    if lines.first == [] { lines.removeFirst() }
    guard lines.count >= 3, lines.allSatisfy({ !$0.contains(13) && !$0.contains(10) }) else { return nil }
    guard parseRequestLine(lines[0], limits: limits) else { return nil }
    for line in lines[1..<lines.count - 2] {
      guard let field = Self.field(line) else { return nil }
      fields.append(field)
    }
    guard fields.count <= limits.maxFields, decideHost(), decideFraming() else { return nil }
    let options = members("connection")
    isPersistent = !options.contains("close") && (minorVersion == 1 || options.contains("keep-alive"))
    let expectations = members("expect")
    guard expectations.allSatisfy({ $0 == "100-continue" }) else { return nil }
    expectsContinue = minorVersion == 1 && !expectations.isEmpty
  }

  static func lines(of bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    for byte in bytes {
      if byte == 10, lines[lines.count - 1].last == 13 {
        lines[lines.count - 1].removeLast()
        lines.append([])
      } else {
        lines[lines.count - 1].append(byte)
      }
    }
    return lines
  }

  static func field(_ line: [UInt8]) -> (name: [UInt8], value: [UInt8])? {
    let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, isToken(parts[0]) else { return nil }
    let value = trimmed(parts[1])
    guard value.allSatisfy({ $0 == 9 || ($0 >= 32 && $0 != 127) }) else { return nil }
    return (lowercased(parts[0]), value)
  }

  func values(_ name: String) -> [[UInt8]] {
    fields.filter { $0.name.elementsEqual(name.utf8) }.map(\.value)
  }

  private func members(_ name: String) -> [String] {
    values(name).flatMap { $0.split(separator: UInt8(ascii: ",")) }
      .map { String(decoding: Self.lowercased(Self.trimmed($0)), as: UTF8.self) }.filter { !$0.isEmpty }
  }
}

// MARK: - Decisions

extension ReferenceRequest {
  private mutating func parseRequestLine(_ line: [UInt8], limits: MessageLimits) -> Bool {
    let parts = line.split(separator: 32, omittingEmptySubsequences: false)
    guard parts.count == 3, Self.isToken(parts[0]), parts[0].count <= 32 else { return false }
    guard line.count <= limits.maxTargetBytes + 64, parts[1].count <= limits.maxTargetBytes else {
      return false
    }
    method = Array(parts[0])
    let version = Array(parts[2])
    guard version.starts(with: "HTTP/1.".utf8), version.count == 8, (48...57).contains(version[7]) else {
      return false
    }
    minorVersion = version[7] == 48 ? 0 : 1
    return parseTarget(Array(parts[1]))
  }

  private mutating func parseTarget(_ target: [UInt8]) -> Bool {
    guard !target.isEmpty, target.allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: "#") }) else {
      return false
    }
    if target == [UInt8(ascii: "*")], method.elementsEqual("OPTIONS".utf8) {
      segments = []
      return true
    }
    var rest = target[...]
    if target[0] != UInt8(ascii: "/") {
      let scheme = ["http://", "https://"].first { Self.lowercased(target[...]).starts(with: $0.utf8) }
      guard let scheme else { return false }
      rest = rest.dropFirst(scheme.utf8.count)
      host = Array(rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
      guard !host.isEmpty, host[0] != UInt8(ascii: ":"), Self.isHost(host) else { return false }
      rest = rest.dropFirst(host.count)
    }
    let path = rest.prefix { $0 != UInt8(ascii: "?") }
    query = Array(rest.dropFirst(path.count + 1))
    for raw in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard let segment = Self.percentDecoded(Array(raw), plusIsSpace: false),
        segment.allSatisfy({ $0 >= 32 && $0 != 127 && $0 != UInt8(ascii: "/") }),
        segment != Array(".".utf8), segment != Array("..".utf8)
      else { return false }
      segments.append(segment)
    }
    return true
  }

  private mutating func decideHost() -> Bool {
    let hosts = values("host")
    guard hosts.count == 1 || (hosts.isEmpty && minorVersion == 0) else { return false }
    guard hosts.allSatisfy({ Self.isHost($0) }) else { return false }
    if host.isEmpty { host = hosts.first ?? [] }
    return true
  }

  private mutating func decideFraming() -> Bool {
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"))
    guard lengths.count + (codings.isEmpty ? 0 : 1) <= 1 else { return false }
    if let text = lengths.first {
      let digits = String(decoding: text.drop { $0 == 48 }, as: UTF8.self)
      guard !text.isEmpty, text.allSatisfy({ (48...57).contains($0) }) else { return false }
      guard let length = digits.isEmpty ? 0 : Int(digits) else { return false }
      framing = .length(length)
    } else if !codings.isEmpty {
      guard minorVersion == 1, members("transfer-encoding") == ["chunked"] else { return false }
      framing = .chunked
    }
    return true
  }
}

// MARK: - Grammar

extension ReferenceRequest {
  private static let tokenCharacters = table(
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  private static let nameCharacters = table(
    "!$&'*+-._~(),;=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  private static let hexDigits = Array("0123456789abcdef".utf8)

  private static func table(_ characters: String) -> [Bool] {
    (0...255).map { characters.utf8.contains($0) }
  }

  static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { tokenCharacters[Int($0)] }
  }

  static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.map { (65...90).contains($0) ? $0 + 32 : $0 }
  }

  static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let start = bytes.drop { $0 == 32 || $0 == 9 }
    return Array(start.reversed().drop { $0 == 32 || $0 == 9 }.reversed())
  }

  static func hexValue(_ byte: UInt8) -> Int? {
    hexDigits.firstIndex(of: (65...70).contains(byte) ? byte + 32 : byte)
  }

  /// `uri-host [ ":" port ]`, or empty.
  static func isHost(_ text: [UInt8]) -> Bool {
    guard !text.isEmpty else { return true }
    var rest = text[...]
    if text[0] == UInt8(ascii: "[") {
      let address = text.dropFirst().prefix { $0 != UInt8(ascii: "]") }
      guard !address.isEmpty, address.count + 2 <= text.count,
        address.allSatisfy({ hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
      else { return false }
      rest = rest.dropFirst(address.count + 2)
    } else {
      rest = rest.drop { nameCharacters[Int($0)] }
    }
    guard let colon = rest.first else { return true }
    return colon == UInt8(ascii: ":") && rest.count <= 6
      && rest.dropFirst().allSatisfy { (48...57).contains($0) }
  }

  static func percentDecoded(_ text: [UInt8], plusIsSpace: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
          return nil
        }
        bytes.append(UInt8(high * 16 + low))
      } else {
        bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 32 : byte)
      }
    }
    return Array(String(decoding: bytes, as: UTF8.self).utf8) == bytes ? bytes : nil
  }
}
