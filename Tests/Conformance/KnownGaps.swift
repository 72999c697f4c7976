/// Where this project's server does not answer as its cases want, and why. Whoever closes a gap removes its
/// row.
enum KnownGaps {
  static let reasons: [String: String] = [
    "host/percent-encoded":
      "refused by choice: a reader that decodes the name sees another host than one that does not"
  ]
}
