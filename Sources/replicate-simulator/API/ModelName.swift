internal import Bytes

/// A model's owner and name.
struct ModelName: Hashable, Sendable, CustomStringConvertible {
  let owner: String
  let name: String

  /// Nil if either is not valid in a path or a reference.
  init?(owner: some StringProtocol, name: some StringProtocol) {
    guard Self.isWord(owner), Self.isWord(name) else { return nil }
    self.owner = String(owner)
    self.name = String(name)
  }

  /// Parses `owner/name`.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self.init(owner: parts[0], name: parts[1])
  }

  var description: String { "\(owner)/\(name)" }

  /// Whether the owner is the one without models.
  var isMissing: Bool { owner == Preset.missingOwner }

  /// The id of its only version.
  ///
  /// 64 hexadecimal digits, the same in every run.
  var version: String { Self.version(of: description) }

  /// A hash of `text` as 64 hexadecimal digits.
  static func version(of text: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let dice = Dice(seed: hash)
    return (0..<4).map { part in
      let digits = String(dice.number(.identifier, for: part), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private static func isWord(_ text: some StringProtocol) -> Bool {
    (1...100).contains(text.utf8.count)
      && text.utf8.allSatisfy { $0.isAlphanumeric || "-_.".utf8.contains($0) }
  }
}

/// The `version` member of `POST /v1/predictions`.
struct VersionReference: Equatable, Sendable {
  let model: ModelName
  /// The prediction's version: `hidden` if an official model was named without one.
  let version: String

  static let hidden = "hidden"

  /// Parses `owner/name`, `owner/name:version` or a version of 64 hexadecimal digits.
  ///
  /// An unknown version belongs to the first model of the table.
  init?(_ text: String, models: Models = .builtIn) {
    guard let slash = text.firstIndex(of: "/") else {
      guard Self.isVersion(text[...]), let model = models.model(ofVersion: text) else { return nil }
      self.model = model
      version = text
      return
    }
    let name = text[text.index(after: slash)...]
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let model = ModelName(owner: text[..<slash], name: parts[0]) else {
      return nil
    }
    guard parts.count == 1 || Self.isVersion(parts[1]) else { return nil }
    self.model = model
    version = parts.count == 1 ? Self.hidden : String(parts[1])
  }

  private static func isVersion(_ text: Substring) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy(\.isLowercaseHexadecimal)
  }
}
