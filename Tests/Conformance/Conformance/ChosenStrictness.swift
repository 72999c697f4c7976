/// Valid requests that this project's server rejects, with the reasons.
enum ChosenStrictness {
  static let reasons: [String: String] = [
    "host/percent-encoded": "a reader that decodes the name sees another host than one that does not"
  ]
}
