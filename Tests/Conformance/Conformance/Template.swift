/// The template of a case's text, expanded for one server.
///
/// `{get}` and `{post}` are targets; `{%get}` and `{%post}` have their first letter percent-encoded. `{host}`
/// is the host. `{auth}` holds the field lines that a POST needs, each with its CR LF. `{xFF}` is one byte in
/// hexadecimal, and `{a*80}` a repeated character.
package enum Template {
  static func expand(_ text: String, for site: Site, at endpoint: Endpoint) -> [UInt8] {
    parts(of: text, for: site, at: endpoint).bytes
  }

  /// The bytes, and their ranges that all requests to the server share.
  static func parts(
    of text: String, for site: Site, at endpoint: Endpoint
  ) -> (bytes: [UInt8], common: [Range<Int>]) {
    var bytes: [UInt8] = []
    var common: [Range<Int>] = []
    var rest = Array(text.utf8)[...]
    while let open = rest.firstIndex(of: UInt8(ascii: "{")),
      let close = rest[open...].firstIndex(of: UInt8(ascii: "}"))
    {
      bytes += rest[..<open]
      let name = String(decoding: rest[(open + 1)..<close], as: UTF8.self)
      let start = bytes.count
      bytes += value(of: name, for: site, at: endpoint)
      if name == "auth" || name == "host" { common.append(start..<bytes.count) }
      rest = rest[(close + 1)...]
    }
    return (bytes + rest, common)
  }

  private static func value(of name: String, for site: Site, at endpoint: Endpoint) -> [UInt8] {
    switch name {
    case "get": return Array(endpoint.getTarget.utf8)
    case "post": return Array(endpoint.postTarget.utf8)
    case "host": return Array(endpoint.authority.utf8)
    case "auth": return site.postFields.flatMap { Array("\($0)\r\n".utf8) }
    case "%get": return encodingFirstLetter(of: endpoint.getTarget)
    case "%post": return encodingFirstLetter(of: endpoint.postTarget)
    default:
      if name.hasPrefix("x"), let byte = UInt8(name.dropFirst(), radix: 16) { return [byte] }
      let parts = name.split(separator: "*", maxSplits: 1)
      guard parts.count == 2, let count = Int(parts[1]), let byte = parts[0].utf8.first else {
        preconditionFailure("a template names {\(name)}, which nobody knows")
      }
      return Array(repeating: byte, count: count)
    }
  }
}

extension Template {
  private static func encodingFirstLetter(of target: String) -> [UInt8] {
    let bytes = Array(target.utf8)
    guard bytes.count > 1 else { return bytes }
    return Array("/%\(String(bytes[1], radix: 16))".utf8) + bytes.dropFirst(2)
  }
}

/// A request line with the fields of a valid request.
func get(_ line: String) -> String { "\(line)\r\nHost: {host}\r\n\r\n" }

/// A GET of the target with these field lines, after a Host.
func get(fields: String...) -> String {
  "GET {get} HTTP/1.1\r\nHost: {host}\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
}

/// A POST that the application reads, with these fields and this body.
func post(_ fields: String..., body: String = "") -> String {
  "POST {post} HTTP/1.1\r\nHost: {host}\r\n{auth}" + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body
}

/// A POST with a chunked body.
func chunks(_ body: String) -> String { post("Transfer-Encoding: chunked", body: body) }
