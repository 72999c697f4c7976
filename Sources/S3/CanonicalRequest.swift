internal import Bytes
internal import Crypto

/// A request in the one form that client and server sign.
struct CanonicalRequest {
  let text: String
  /// The names of the signed fields, separated by semicolons.
  let signedNames: String
  /// The query's parameters, encoded and sorted.
  let query: String

  /// - Parameters:
  ///   - path: percent-encoded once, as S3 signs it.
  ///   - query: not encoded.
  ///   - payload: the content's digest in hexadecimal, or the word for none.
  init(
    method: String, path: String, query: [SignatureV4.Field] = [], fields: [SignatureV4.Field],
    payload: String
  ) {
    // By bytes, and once encoded: so `X-Amz-Date` precedes `response-content-type`.
    let pairs = query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
    self.query =
      pairs.sorted { Array($0.0.utf8).lexicographicallyPrecedes(Array($1.0.utf8)) }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    let fields = fields.map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
      .sorted { $0.name < $1.name }
    signedNames = fields.map(\.name).joined(separator: ";")
    let lines = fields.map { "\($0.name):\($0.value)\n" }.joined()
    text = [method, path, self.query, lines, signedNames, payload].joined(separator: "\n")
  }

  /// SHA-256 of the text in hexadecimal.
  var digest: String {
    let bytes = Array(text.utf8)
    return Hexadecimal.encode(SHA256().digest(of: bytes.span))
  }

  /// Without spaces at the ends, and with one for each run of them.
  private static func trimmed(_ value: String) -> String {
    value.split(separator: " ").joined(separator: " ")
  }
}
