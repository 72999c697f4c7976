/// The program's version, in semantic versioning.
///
/// The interface that it versions is the one that the README documents.
enum Version {
  static let current = "0.1.0"
  static let userAgent = "replicate-webhookd/\(current)"
}
