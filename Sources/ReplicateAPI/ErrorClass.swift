/// What kind of failure an error text tells of. Replicate documents few of its texts and promises none, so a class is a
/// help for deciding about a retry, and the text is always kept beside it.
package enum ErrorClass: String, CaseIterable {
  case providerBusy = "provider_busy"
  case rateLimited = "rate_limited"
  case insufficientCredit = "insufficient_credit"
  case invalidInput = "invalid_input"
  case outOfMemory = "out_of_memory"
  case contentRefused = "content_refused"
  /// The platform gave up, not the model.
  case interrupted
  case unknown

  /// Another try may well succeed: the model is not to blame, and neither is the input.
  package var isRetryable: Bool { self == .interrupted }

  /// What a text contains, in lower case, and what that means. The first that fits decides.
  private static let signs: [(text: String, meaning: ErrorClass)] = [
    ("e1001", .outOfMemory), ("out of memory", .outOfMemory), ("oom", .outOfMemory),
    ("prediction interrupted", .interrupted), ("(code: pa)", .interrupted),
    ("director: unexpected error", .interrupted),
    ("e6716", .interrupted), ("e8765", .interrupted), ("e9243", .interrupted), ("e9828", .interrupted),
    ("nsfw", .contentRefused), ("content policy", .contentRefused), ("flagged as sensitive", .contentRefused),
    ("insufficient credit", .insufficientCredit),
    ("throttled", .rateLimited), ("rate limit", .rateLimited), ("too many requests", .rateLimited),
    ("at capacity", .providerBusy), ("service is currently unavailable", .providerBusy),
    ("input validation failed", .invalidInput), ("invalid input", .invalidInput),
    ("invalid version or not permitted", .invalidInput), ("specified version does not exist", .invalidInput),
  ]

  package init(classifying text: String) {
    let lowercase = text.lowercased()
    let words = Set(lowercase.split { !$0.isLetter && !$0.isNumber }.map(String.init))
    self =
      Self.signs.first { sign in
        // A short sign is a word of its own: "oom" is not in "zoom".
        sign.text.count <= 5 ? words.contains(sign.text) : lowercase.contains(sign.text)
      }?.meaning ?? .unknown
  }
}
