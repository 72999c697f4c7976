/// What this program calls itself. It follows semantic versioning; the promises of the README are its interface.
enum Version {
  static let current = "0.1.0"
}
