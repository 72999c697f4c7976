internal import StandardWebhooks

/// Ties a webhook to the job that asked for it: an HMAC of the job's id under a key of this database.
///
/// The provider signs the body of a delivery and not the URL that it is sent to, so what the URL says needs a proof of its own.
/// The provider also repeats the URL in every body, where the token is masked before anything is stored or shown.
struct JobToken: Sendable {
  /// The name of the query parameter that carries `id.token`.
  static let parameter = "job"
  static let keyName = "job_token"
  private static let keyLength = 32
  /// In hexadecimal digits: half of an HMAC-SHA256 (NIST SP 800-107 section 5.3.4 allows to cut it to 128 bits).
  private static let length = 32

  private let key: [UInt8]

  init(key: [UInt8]) {
    self.key = key
  }

  /// A key for a database that has none.
  static func makeKey() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<keyLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// The URL at which deliveries for the job of that id arrive.
  ///
  /// - Parameter publicURL: without a slash at its end.
  func webhookURL(publicURL: String, jobID: String) -> String? {
    token(for: jobID).map { "\(publicURL)/webhooks/replicate?\(Self.parameter)=\(jobID).\($0)" }
  }

  /// The job that `parameter`'s value names, if its token is right.
  func job(named value: String) -> String? {
    guard let dot = value.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
    let id = String(value[..<dot])
    guard let expected = token(for: id),
      ConstantTime.areEqual(Array(expected.utf8), Array(value[dot...].utf8.dropFirst()))
    else { return nil }
    return id
  }

  /// What follows `?job=` in a webhook's URL, up to the next parameter.
  static func parameterValue(in url: String) -> String? {
    let mark = "?\(parameter)="
    guard let query = url.firstIndex(of: "?"), url[query...].hasPrefix(mark) else { return nil }
    return String(url[query...].dropFirst(mark.count).prefix { $0 != "&" })
  }

  private func token(for jobID: String) -> String? {
    let message = Array("job:\(jobID)".utf8)
    guard let code = HMACSHA256.authenticate(message.span, key: key) else { return nil }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: code.prefix(Self.length / 2).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] },
      as: UTF8.self)
  }
}

extension JobToken {
  private static let mark = Array("?\(parameter)=".utf8)

  /// Writes asterisks over each token in `url`, a range of `body`: over what follows `?job=`, an id and a dot. The length
  /// stays, and so does every place in the body.
  static func mask(in body: inout [UInt8], url: Range<Int>) {
    // Most URLs have no query: the first byte alone tells.
    for start in url
    where body[start] == UInt8(ascii: "?") && body[start..<url.upperBound].starts(with: mark) {
      let id = body[(start + mark.count)..<url.upperBound].prefix(while: \.isOfID)
      guard id.endIndex < url.upperBound, body[id.endIndex] == UInt8(ascii: ".") else { continue }
      let digits = body[(id.endIndex + 1)..<url.upperBound].prefix(length)
      guard digits.count == length, digits.allSatisfy(\.isHexadecimal) else { continue }
      for index in digits.indices { body[index] = UInt8(ascii: "*") }
    }
  }
}

extension UInt8 {
  /// What a job's id is made of: letters, digits, hyphens and underscores.
  fileprivate var isOfID: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  fileprivate var isHexadecimal: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
  }
}
