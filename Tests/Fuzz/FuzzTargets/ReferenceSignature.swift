internal import Crypto
internal import StandardWebhooks

/// Base64 decoded bit by bit.
enum ReferenceBase64 {
  static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var bits = bytes.flatMap { byte in (0..<8).map { (byte << $0) >> 7 } }
    while bits.count % 6 != 0 { bits.append(0) }
    var text = stride(from: 0, to: bits.count, by: 6).map { start in
      alphabet[bits[start..<start + 6].reduce(0) { $0 * 2 + Int($1) }]
    }
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Padding may be missing but not wrong.
  ///
  /// Bits that fill no byte are dropped.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    let digits = text.prefix { $0 != UInt8(ascii: "=") }
    let padding = text.count - digits.count
    guard padding == 0 || (padding <= 2 && text.count % 4 == 0), digits.count % 4 != 1,
      text.dropFirst(digits.count).allSatisfy({ $0 == UInt8(ascii: "=") })
    else { return nil }
    var bits: [UInt8] = []
    for digit in digits {
      guard let value = alphabet.firstIndex(of: digit) else { return nil }
      bits += (0..<6).map { UInt8((value >> (5 - $0)) & 1) }
    }
    return (0..<bits.count / 8).map { index in
      bits[index * 8..<index * 8 + 8].reduce(0) { $0 << 1 | $1 }
    }
  }
}

/// The expected result of parsing a secret.
enum ReferenceSecret {
  static func reveal(_ text: String) -> Result<String, SecretError> {
    var bytes = Array(text.utf8)
    if bytes.starts(with: "whpk_".utf8) || bytes.starts(with: "whsk_".utf8) { return .failure(.asymmetric) }
    if bytes.starts(with: "whsec_".utf8) { bytes.removeFirst(6) }
    guard !bytes.isEmpty else { return .failure(.empty) }
    guard bytes.count <= 1024, let key = ReferenceBase64.decode(bytes) else { return .failure(.undecodable) }
    return key.count < 14 ? .failure(.tooShort) : .success("whsec_" + ReferenceBase64.encode(key))
  }
}

/// The expected verdict on a delivery, decided by text.
///
/// An entry matches if it is, character by character, the spelling of a MAC.
enum ReferenceVerdict: Equatable {
  case accepted(secret: Int, age: Int64)
  case refused(VerificationError)

  init(_ headers: SignatureHeaders, macs: [[UInt8]], now: Int64, tolerance: Int64) {
    let (id, timestamp) = (Array(headers.id.utf8), Array(headers.timestamp.utf8))
    guard (1...255).contains(id.count), id.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: ".") })
    else {
      self = .refused(.malformedID)
      return
    }
    guard let seconds = Int64(headers.timestamp), seconds > 0, seconds < 1_000_000_000_000,
      Array(String(seconds).utf8) == timestamp
    else {
      self = .refused(.malformedTimestamp)
      return
    }
    let usable = Self.usableEntries(of: headers.signature)
    guard !usable.isEmpty else {
      self = .refused(.noUsableSignature)
      return
    }
    let fitting = macs.firstIndex { usable.contains("v1," + ReferenceBase64.encode($0)) }
    let age = now - seconds
    if let fitting, (-tolerance...tolerance).contains(age) {
      self = .accepted(secret: fitting + 1, age: age)
    } else if fitting == nil {
      self = .refused(.mismatch(signaturesTried: usable.count, secretsTried: macs.count))
    } else {
      self = .refused(.outOfRange(ageSeconds: age, toleranceSeconds: tolerance))
    }
  }

  /// `v1,` and the only spelling of 32 bytes.
  ///
  /// It has 42 digits, one digit whose last two bits are zero, and one padding character.
  private static func usableEntries(of signature: String) -> [String] {
    guard signature.utf8.count <= 4096 else { return [] }
    let entries = signature.utf8.split(separator: 32).map(Array.init).filter { entry in
      guard entry.count == 47, entry.starts(with: "v1,".utf8), entry[46] == UInt8(ascii: "=") else {
        return false
      }
      let values = entry[3..<46].map { ReferenceBase64.alphabet.firstIndex(of: $0) }
      return !values.contains(nil) && values[42].map { $0 % 4 == 0 } == true
    }
    return entries.prefix(16).map { String(decoding: $0, as: UTF8.self) }
  }
}
