internal import CPostgreSQL

/// The statements that one connection has prepared.
struct PreparedStatements {
  /// A statement prepared for parameters of certain types.
  private struct Variant {
    let sql: String
    let types: [Oid]
    let name: String
  }

  /// Each takes memory in the server until the connection ends.
  private static let maxCount = 512

  private var variants: [UInt64: [Variant]] = [:]
  private var count = 0

  /// The name under which `query` is prepared for `types`.
  ///
  /// A NULL fits any type.
  func name(of query: Query, types: [Oid]) -> String? {
    variants[query.digest]?.first { variant in
      variant.sql == query.sql && variant.types.count == types.count
        && zip(types, variant.types).allSatisfy { $0 == $1 || $0 == 0 }
    }?.name
  }

  /// Adds `query` for parameters of `types`.
  ///
  /// - Returns: the name under which the caller prepares it, or nil if there are too many statements.
  mutating func add(_ query: Query, types: [Oid]) -> String? {
    guard count < Self.maxCount else { return nil }
    var digest = Digest()
    digest.add(query.sql.utf8)
    digest.add([0])
    for type in types { withUnsafeBytes(of: type.bigEndian) { digest.add($0) } }
    let variant = Variant(sql: query.sql, types: types, name: "q" + String(digest.value, radix: 16))
    variants[query.digest, default: []].append(variant)
    count += 1
    return variant.name
  }

  /// Removes a statement whose preparation failed.
  mutating func remove(_ query: Query, name: String) {
    guard let index = variants[query.digest]?.firstIndex(where: { $0.name == name }) else { return }
    variants[query.digest]?.remove(at: index)
    count -= 1
  }
}
