internal import Glibc

/// One part of a `multipart/form-data` body (RFC 7578).
struct MultipartPart: Equatable {
  let name: String
  let filename: String?
  let contentType: String?
  /// The range of its bytes in the body.
  let content: Range<Int>
}

/// Parses `multipart/form-data` bodies (RFC 2046 section 5.1.1).
enum Multipart {
  static let maxParts = 16
  /// The maximum size of a part's header fields, in bytes.
  private static let maxHeadSize = 8192

  /// The `boundary` of a Content-Type; nil for another type or without one.
  static func boundary(ofContentType value: String) -> String? {
    let parts = value.split(separator: ";").map { $0.trimming(" \t") }
    guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
    let boundary = parameter("boundary", of: parts.dropFirst())
    return boundary.flatMap { (1...70).contains($0.utf8.count) ? $0 : nil }
  }

  /// The parts, at most ``maxParts``; nil if the body is malformed.
  static func parts(of body: [UInt8], boundary: String) -> [MultipartPart]? {
    // The delimiter begins with a line ending, except at the start of the body.
    let delimiter = Array("\r\n--\(boundary)".utf8)
    guard body.starts(with: delimiter.dropFirst(2)) else { return nil }
    var parts: [MultipartPart] = []
    var position = delimiter.count - 2
    // Bounded by the number of parts.
    while parts.count <= maxParts {
      if body[position...].starts(with: "--".utf8) { return parts }
      guard body[position...].starts(with: "\r\n".utf8), parts.count < maxParts,
        let end = body.find(delimiter, from: position),
        let headEnd = body.find(Array("\r\n\r\n".utf8), from: position),
        headEnd + 4 <= end,
        headEnd - position <= maxHeadSize
      else { return nil }
      let content = headEnd + 4..<end
      guard let part = part(String(decoding: body[position..<headEnd], as: UTF8.self), content) else {
        return nil
      }
      parts.append(part)
      position = end + delimiter.count
    }
    return nil
  }

  private static func part(_ head: String, _ content: Range<Int>) -> MultipartPart? {
    var (disposition, contentType): (String?, String?)
    for line in head.split(separator: "\r\n") {
      let field = line.split(separator: ":", maxSplits: 1)
      guard field.count == 2 else { return nil }
      switch field[0].lowercased() {
      case "content-disposition": disposition = field[1].trimming(" \t")
      case "content-type": contentType = field[1].trimming(" \t")
      default: break
      }
    }
    guard let parts = disposition?.split(separator: ";").map({ $0.trimming(" \t") }),
      let name = parameter("name", of: parts.dropFirst())
    else { return nil }
    return MultipartPart(
      name: name, filename: parameter("filename", of: parts.dropFirst()), contentType: contentType,
      content: content)
  }

  private static func parameter(_ name: String, of parameters: ArraySlice<String>) -> String? {
    for parameter in parameters {
      let pair = parameter.split(separator: "=", maxSplits: 1)
      if pair.count == 2, pair[0].lowercased() == name { return pair[1].trimming("\"") }
    }
    return nil
  }
}

extension StringProtocol {
  fileprivate func trimming(_ characters: String) -> String {
    let kept = drop { characters.contains($0) }
    let end = kept.lastIndex { !characters.contains($0) }
    return end.map { String(kept[...$0]) } ?? ""
  }
}

extension [UInt8] {
  /// The index of the first occurrence of `pattern` at or after `start`.
  fileprivate func find(_ pattern: [UInt8], from start: Int) -> Int? {
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let first = pattern.first else { return nil }
      var position = start
      while position + pattern.count <= bytes.count,
        let found = memchr(base + position, Int32(first), bytes.count - position)
      {
        position = UnsafeRawPointer(found) - base
        guard position + pattern.count <= bytes.count else { return nil }
        if memcmp(found, pattern, pattern.count) == 0 { return position }
        position += 1
      }
      return nil
    }
  }
}
