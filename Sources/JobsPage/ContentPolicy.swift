/// What the page may run, load and reach (Content Security Policy Level 3).
///
/// A value of a job that became markup could still run no script, load nothing from elsewhere, and send
/// nothing anywhere but here.
struct ContentPolicy {
  /// Of the content of the only script and the only style element.
  let scriptHash: String
  let styleHash: String
  /// The sources of media beside this server.
  let mediaSources: [String]

  var text: String {
    let media = (["'self'", "data:"] + mediaSources).joined(separator: " ")
    return [
      "default-src 'none'",
      "script-src '\(scriptHash)'",
      "style-src '\(styleHash)'",
      "connect-src 'self'",
      "img-src \(media)",
      "media-src \(media)",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      // The script can make no text markup or code (Trusted Types).
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].joined(separator: "; ")
  }
}
