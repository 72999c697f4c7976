internal import Bytes
internal import Settings

extension SettingVariable {
  static let browserOrigins = SettingVariable(
    "BROWSER_ORIGINS",
    "Web origins whose pages may read single jobs with a token, separated by commas.")
}

/// Web origins as browsers send them: scheme, host, and the port unless it is the scheme's (RFC 6454).
enum WebOrigin {
  /// Reads the origins of a comma-separated list.
  static func read(from reader: inout SettingsReader) -> Set<String> {
    var origins: Set<String> = []
    let items = (reader.text(.browserOrigins) ?? "").split(separator: ",").map(\.trimmed)
    for (index, item) in items.enumerated() where !item.isEmpty {
      do throws(Fault) {
        origins.insert(try serialize(String(item)))
      } catch {
        reader.report(.browserOrigins, "origin \(index + 1): \(error.rawValue)")
      }
    }
    return origins
  }

  enum Fault: String, Error {
    case wildcard =
      "list each origin, without a wildcard: any web page could use a token that it got hold of"
    case null = "null is the origin of every sandboxed page: serve yours from an address"
    case noScheme = "write https:// or http:// before the host, such as https://app.example.com"
    case hasPath = "leave out what follows the host and port: no slash at the end, no path, no query"
    case notASCII = "write the host as browsers send it, in ASCII: xn--… for other letters"
    case notAHost = "write scheme, host and port, such as https://app.example.com or http://localhost:5173"
  }

  /// The origin that browsers send for `text`.
  static func serialize(_ text: String) throws(Fault) -> String {
    guard !text.contains("*") else { throw .wildcard }
    guard text != "null" else { throw .null }
    let text = text.lowercased()
    guard let scheme = ["https", "http"].first(where: { text.hasPrefix("\($0)://") }) else { throw .noScheme }
    let authority = text.dropFirst(scheme.count + 3)
    guard !authority.contains(where: { "/?#".contains($0) }) else { throw .hasPath }
    guard authority.utf8.allSatisfy({ $0 < 0x80 }) else { throw .notASCII }
    let (host, port) = try split(authority)
    let isUsual = port == nil || port == (scheme == "https" ? 443 : 80)
    return "\(scheme)://\(host)" + (isUsual ? "" : ":\(port ?? 0)")
  }

  private static func split(_ authority: Substring) throws(Fault) -> (host: Substring, port: Int?) {
    let bracket = authority.lastIndex(of: "]")
    let colon = authority[(bracket ?? authority.startIndex)...].firstIndex(of: ":")
    let host = authority[..<(colon ?? authority.endIndex)]
    let isValid =
      bracket == nil
      ? !host.isEmpty && host.utf8.allSatisfy(\.isOfHostName)
      : host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        && host.dropFirst().dropLast().utf8.allSatisfy {
          $0.hexadecimalDigit != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        }
    guard isValid else { throw .notAHost }
    guard let colon else { return (host, nil) }
    let digits = authority[colon...].dropFirst()
    guard digits.utf8.allSatisfy(\.isDigit), let port = Int(digits), (1...65_535).contains(port) else {
      throw .notAHost
    }
    return (host, port)
  }
}

extension UInt8 {
  fileprivate var isOfHostName: Bool {
    isAlphanumeric || self == UInt8(ascii: "-") || self == UInt8(ascii: ".") || self == UInt8(ascii: "_")
  }
}
