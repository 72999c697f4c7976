/// The class of a failure, from its error text.
///
/// Replicate documents few of its texts and guarantees none. A class only helps to decide about a retry, and
/// the text is always kept with it.
package enum ErrorClass: String, CaseIterable {
  case providerBusy = "provider_busy"
  case rateLimited = "rate_limited"
  case insufficientCredit = "insufficient_credit"
  case invalidInput = "invalid_input"
  case outOfMemory = "out_of_memory"
  case contentRefused = "content_refused"
  /// Ended by the platform, not by the model.
  case interrupted
  case unknown

  /// Whether a retry may succeed: neither model nor input is to blame.
  package var isRetryable: Bool { self == .interrupted }

  /// Substrings in lower case, and their classes. The first match decides.
  private static let signs: [(text: String, meaning: ErrorClass)] = [
    ("e1001", .outOfMemory), ("out of memory", .outOfMemory), ("oom", .outOfMemory),
    ("prediction interrupted", .interrupted), ("(code: pa)", .interrupted),
    ("director: unexpected error", .interrupted),
    ("e6716", .interrupted), ("e8765", .interrupted), ("e9243", .interrupted), ("e9828", .interrupted),
    ("nsfw", .contentRefused), ("e005", .contentRefused), ("content policy", .contentRefused),
    ("flagged as", .contentRefused), ("flagged for", .contentRefused), ("sensitive", .contentRefused),
    ("safety system", .contentRefused), ("safety_violations", .contentRefused),
    ("insufficient credit", .insufficientCredit),
    // Before "too many requests", because the input's own host may answer "HTTP Error 429: Too Many
    // Requests".
    ("failed to download image", .invalidInput), ("failed to download video", .invalidInput),
    ("failed to download audio", .invalidInput), ("failed to download input", .invalidInput),
    ("cannot identify image file", .invalidInput),
    ("throttled", .rateLimited), ("rate limit", .rateLimited), ("too many requests", .rateLimited),
    ("at capacity", .providerBusy), ("service is currently unavailable", .providerBusy),
    ("e003", .providerBusy), ("e004", .providerBusy), ("temporarily unavailable", .providerBusy),
    ("high demand", .providerBusy), ("queue is full", .providerBusy),
    ("input validation failed", .invalidInput), ("input validation error", .invalidInput),
    ("invalid input", .invalidInput),
    ("invalid version or not permitted", .invalidInput), ("specified version does not exist", .invalidInput),
  ]

  /// Texts in lower case that contain a sign in another sense.
  ///
  /// "Resource temporarily unavailable" is EAGAIN's text on the model's own machine.
  private static let exceptions = [
    "insensitive", "case-sensitive", "case sensitive", "resource temporarily unavailable", "time-sensitive",
    "time sensitive", "sensitive to", "flagged as deprecated", "flagged for removal", "flagged for deletion",
  ]

  package init(classifying text: String) {
    var lowercase = text.lowercased()
    for exception in Self.exceptions where lowercase.contains(exception) {
      lowercase.replace(exception, with: "_")
    }
    let words = Set(lowercase.split { !$0.isLetter && !$0.isNumber }.map(String.init))
    self =
      Self.signs.first { sign in
        // A short sign must be a whole word: "zoom" does not match "oom".
        sign.text.count <= 5 ? words.contains(sign.text) : lowercase.contains(sign.text)
      }?.meaning ?? .unknown
  }
}
