/// Random keys that the store keeps, one for each purpose.
///
/// Copies of a store share them: what was signed with one stays valid after a restore.
package struct StoredKeys: Sendable {
  package static let keyLength = 32

  private let keys: [String: [UInt8]]

  package init(_ keys: [String: [UInt8]]) {
    self.keys = keys
  }

  /// - Parameter name: one that a capability has declared.
  package subscript(name: String) -> [UInt8] {
    guard let key = keys[name] else { preconditionFailure("no capability declares the key \(name)") }
    return key
  }
}
