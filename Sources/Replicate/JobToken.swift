internal import Bytes
internal import Crypto

/// The token in a webhook's URL, which names its job.
///
/// It is an HMAC of the job's id with a key of this database. The provider signs a delivery's body and not
/// its URL, so the URL needs a proof of its own. The provider also repeats the URL in every body. There the
/// token is masked before anything is stored or shown.
package struct JobToken: Sendable {
  /// The name of the query parameter, whose value is `id.token`.
  static let parameter = "job"
  package static let keyName = "job_token"
  private static let keyLength = 32
  /// Hexadecimal digits: half of an HMAC-SHA256.
  ///
  /// NIST SP 800-107 section 5.3.4 allows truncation to 128 bits.
  private static let length = 32

  private let key: [UInt8]

  package init(key: [UInt8]) {
    self.key = key
  }

  /// A random key. A new database gets one.
  package static func makeKey() -> [UInt8] { RandomBytes.make(keyLength) }

  /// The URL for deliveries of the job `jobID`.
  ///
  /// - Parameter publicURL: without a slash at its end.
  package func webhookURL(publicURL: String, jobID: String) -> String? {
    token(for: jobID).map { "\(publicURL)/webhooks/replicate?\(Self.parameter)=\(jobID).\($0)" }
  }

  /// The job's id in a parameter's value; nil for a wrong token.
  package func job(named value: String) -> String? {
    guard let dot = value.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    let id = String(value[..<dot])
    guard let expected = token(for: id),
      ConstantTime.areEqual(Array(expected.utf8), Array(value[dot...].utf8.dropFirst()))
    else { return nil }
    return id
  }

  /// The value of a webhook URL's first parameter, if that is `job`.
  package static func parameterValue(in url: String) -> String? {
    let mark = "?\(parameter)="
    guard let query = url.firstIndex(of: "?"), url[query...].hasPrefix(mark) else { return nil }
    return String(url[query...].dropFirst(mark.count).prefix { $0 != "&" })
  }

  /// Whether a parameter has the form of a job token.
  ///
  /// That is an id, a dot, and a token or its mask. A prediction's creator may put another `job` into the URL
  /// of its webhook.
  package static func hasForm(name: String, value: String) -> Bool {
    guard name == parameter, let dot = value.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    let digits = value.utf8[dot...].dropFirst()
    return dot > value.utf8.startIndex && value.utf8[..<dot].allSatisfy(\.isOfID) && digits.count == length
      && (digits.allSatisfy(\.isLowercaseHexadecimal) || digits.allSatisfy { $0 == UInt8(ascii: "*") })
  }

  /// A webhook URL's query without its job token; nil if empty.
  package static func foreignQuery(of url: String) -> String? {
    guard let mark = url.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    let foreign = url[mark...].dropFirst().prefix { $0 != "#" }.split(separator: "&").filter { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return !hasForm(name: pair[0], value: pair.count > 1 ? pair[1] : "")
    }
    return foreign.isEmpty ? nil : foreign.joined(separator: "&")
  }

  private func token(for jobID: String) -> String? {
    let message = Array("job:\(jobID)".utf8)
    guard let code = HMACSHA256.authenticate(message.span, key: key) else { return nil }
    return Hexadecimal.encode(code.prefix(Self.length / 2))
  }
}

extension JobToken {
  private static let mark = Array("?\(parameter)=".utf8)

  /// Masks each token in `url`, the contents of a string in `body`.
  ///
  /// Asterisks replace the digits after `?job=`, an id and a dot, also where some of these are escaped. The
  /// length stays, and so does every range in the body.
  static func mask(in body: inout [UInt8], url: Range<Int>) {
    var position = url.lowerBound
    while position < url.upperBound {
      // Most URLs have no query and no escape, so the first byte decides.
      guard body[position] == UInt8(ascii: "?") || body[position] == UInt8(ascii: "\\") else {
        position += 1
        continue
      }
      if let digits = digits(ofTokenMarkedAt: position, in: body, before: url.upperBound) {
        for index in digits { body[index] = UInt8(ascii: "*") }
        position = digits.upperBound
      } else {
        position = character(at: position, in: body, before: url.upperBound).end
      }
    }
  }

  /// The range of a token's digits, if `start` is at its mark.
  private static func digits(ofTokenMarkedAt start: Int, in body: [UInt8], before end: Int) -> Range<Int>? {
    var next = character(at: start, in: body, before: end)
    for byte in mark {
      guard next.byte == byte else { return nil }
      next = character(at: next.end, in: body, before: end)
    }
    while let byte = next.byte, byte.isOfID { next = character(at: next.end, in: body, before: end) }
    guard next.byte == UInt8(ascii: ".") else { return nil }
    let first = next.end
    var last = first
    for _ in 0..<length {
      next = character(at: last, in: body, before: end)
      guard let byte = next.byte, byte.isLowercaseHexadecimal else { return nil }
      last = next.end
    }
    return first..<last
  }

  /// The character at `start` of a JSON string (RFC 8259 section 7).
  ///
  /// Nil for a character that no token has: beyond ASCII, an escape other than `\u`, or the end.
  private static func character(
    at start: Int, in body: [UInt8], before end: Int
  ) -> (byte: UInt8?, end: Int) {
    guard start < end else { return (nil, end) }
    guard body[start] == UInt8(ascii: "\\") else { return (body[start], start + 1) }
    guard start + 6 <= end, body[start + 1] == UInt8(ascii: "u") else { return (nil, min(start + 2, end)) }
    let text = String(decoding: body[(start + 2)..<(start + 6)], as: UTF8.self)
    return (UInt8(text, radix: 16), start + 6)
  }
}

extension UInt8 {
  /// Whether a job's id may have it: letters, digits, hyphens, underscores.
  fileprivate var isOfID: Bool { isAlphanumeric || self == UInt8(ascii: "-") || self == UInt8(ascii: "_") }
}
