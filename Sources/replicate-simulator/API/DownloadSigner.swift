internal import Bytes
internal import Crypto

/// Signs the URLs that open uploaded files without a token.
///
/// As at Replicate, the signature is the base64 of the HMAC-SHA256 of `{owner} {id} {expiry}`.
struct DownloadSigner: Sendable {
  /// The name of the simulator's only account.
  static let owner = "simulator"

  private let key: [UInt8]

  /// Signs with a new key.
  init() {
    key = RandomBytes.make(32)
  }

  /// The query of a file's URL, valid until the file expires.
  func query(of file: FileStore.File) -> String {
    let expiry = "\(file.expiresAt.seconds)"
    let signature = PercentEncoding.encode(Base64.encode(signature(file.id, Self.owner, expiry)))
    return "expiry=\(expiry)&owner=\(Self.owner)&signature=\(signature)"
  }

  func isSigned(id: String, _ parameters: [(name: String, value: String)], at now: Instant) -> Bool {
    let values = Dictionary(parameters.map { ($0.name, $0.value) }) { first, _ in first }
    guard let owner = values["owner"], let expiry = values["expiry"], let signature = values["signature"],
      let seconds = Int64(expiry), seconds > now.seconds,
      let bytes = Base64.decode(Array(signature.utf8).span, form: .canonical)
    else { return false }
    return ConstantTime.areEqual(bytes, self.signature(id, owner, expiry))
  }

  /// Empty if OpenSSL fails, which no signature equals.
  private func signature(_ id: String, _ owner: String, _ expiry: String) -> [UInt8] {
    HMACSHA256.authenticate(Array("\(owner) \(id) \(expiry)".utf8).span, key: key) ?? []
  }
}
