/// Where this project's server refuses what is valid, and why that was chosen.
enum ChosenStrictness {
  static let reasons: [String: String] = [
    "host/percent-encoded": "a reader that decodes the name sees another host than one that does not"
  ]
}
