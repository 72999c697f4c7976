/// Where this project's server does not answer as its cases want, and why. Whoever closes a gap removes its
/// row.
enum KnownGaps {
  static let reasons: [String: String] = [
    "target/asterisk-options": "OPTIONS * is answered 404",
    "answer/head-refused":
      "a HEAD without Host is refused with content, which RFC 9110 section 9.3.2 forbids",
    "host/percent-encoded": "a percent-encoded host is refused",
    "chunked/leading-zeros-20": "a chunk size of more than 15 digits is refused, even if they are zeros",
    "chunked/size-space-after": space,
    "chunked/size-tab-after": space,
    "chunked/size-spaces-after": space,
    "chunked/bad-extension-empty": extensions,
    "chunked/bad-extension-no-name": extensions,
    "chunked/bad-extension-no-value": extensions,
    "chunked/bad-extension-open-quote": extensions,
    "chunked/bad-extension-obs-text-name": extensions,
    "chunked/bad-extension-space-in-name": extensions,
  ]

  private static let space = "whitespace after a chunk size is skipped, which the grammar does not have"
  private static let extensions = "the grammar of chunk extensions is not checked, only their characters"
}
