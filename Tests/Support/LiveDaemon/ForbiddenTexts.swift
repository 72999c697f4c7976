package import Foundation

/// The texts that the log of a daemon must not have: its secrets, and what jobs carry.
package struct ForbiddenTexts: Sendable {
  private var texts: [String: [UInt8]] = [:]

  /// Shorter texts occur by chance.
  private static let minLength = 12
  /// A test of many jobs is searched for the first ones.
  private static let maxTexts = 64
  private static let maxBodyBytes = 65_536
  /// The parts of a job that are nobody else's business.
  private static let privateMembers: Set<String> = ["input", "output", "logs", "metadata"]

  package init() {}

  /// - Parameter environment: the settings of the daemon, secrets in files included.
  package init(environment: [String: String], folder: URL) {
    for (name, value) in environment where Self.isSecret(name) {
      let text =
        name.hasSuffix("_FILE")
        ? (try? String(contentsOf: URL(fileURLWithPath: value, relativeTo: folder), encoding: .utf8)) ?? ""
        : value
      for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) { add("\(name)", "\(part)") }
    }
    if let url = environment["DATABASE_URL"].flatMap(URLComponents.init(string:)), let text = url.password {
      add("DATABASE_URL", text)
    }
  }

  private static func isSecret(_ name: String) -> Bool {
    !["ARCHIVE_KEY_ID", "TLS_KEY"].contains(name)
      && ["SECRET", "TOKEN", "_KEY"].contains { name.contains($0) }
  }

  /// Adds what a request carries: the texts of an input or an output.
  package mutating func add(body: [UInt8]) {
    guard texts.count < Self.maxTexts, body.count <= Self.maxBodyBytes,
      let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    else { return }
    for (name, value) in object where Self.privateMembers.contains(name) { add(name, value) }
  }

  /// - Parameter value: what JSONSerialization returns, or a text.
  private mutating func add(_ name: String, _ value: Any) {
    switch value {
    case let text as String:
      // A log may write other characters in another way.
      let runs = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || " -_.:/+=".contains($0))) }
      guard let longest = runs.max(by: { $0.count < $1.count }), longest.count >= Self.minLength,
        texts.count < Self.maxTexts
      else { return }
      texts[name + " " + longest] = Array(longest.utf8)
    case let list as [Any]: for element in list { add(name, element) }
    case let object as [String: Any]: for element in object.values { add(name, element) }
    default: break
    }
  }

  /// What `log` shows, each with the first line that shows it.
  package func findings(in log: Data) -> [String] {
    var findings = texts.compactMap { name, text in
      Self.position(of: text, in: log).map { "\(name): \(Self.line(at: $0, of: log))" }
    }
    // Whatever a test has sent, and whoever has made it.
    for prefix in ["Bearer ", "r8_", "whsec_"] {
      var rest = log[...]
      while let found = rest.range(of: Data(prefix.utf8)) {
        rest = log[found.upperBound...]
        guard rest.count >= 8, rest.prefix(8).allSatisfy(Self.isOfSecret) else { continue }
        findings.append("\(prefix)…: \(Self.line(at: found.lowerBound, of: log))")
      }
    }
    return findings.sorted()
  }

  /// A byte of Base64.
  private static func isOfSecret(_ byte: UInt8) -> Bool {
    let scalar = Unicode.Scalar(byte)
    return scalar.isASCII
      && (scalar.properties.isAlphabetic || "0123456789+/".unicodeScalars.contains(scalar))
  }

  private static func position(of text: [UInt8], in log: Data) -> Int? {
    log.range(of: Data(text))?.lowerBound
  }

  private static func line(at position: Int, of log: Data) -> String {
    let newline = UInt8(ascii: "\n")
    let start = log[..<position].lastIndex(of: newline).map { $0 + 1 } ?? 0
    return String(decoding: log[start...].prefix { $0 != newline }, as: UTF8.self)
  }
}
