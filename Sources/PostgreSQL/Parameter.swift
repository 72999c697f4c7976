internal import CPostgreSQL

/// A value for a parameter of a statement, sent in binary format.
package enum Parameter: Sendable {
  case null
  /// `int8`.
  case integer(Int64)
  /// `text`. PostgreSQL rejects U+0000 in it.
  case text(String)
  /// `bytea`.
  case bytes([UInt8])
  /// `bool`.
  case boolean(Bool)
  /// `int8[]`.
  case integers([Int64?])
  /// `text[]`.
  case texts([String?])
  /// `bytea[]`.
  case byteArrays([[UInt8]?])
  /// `bool[]`.
  case booleans([Bool?])

  /// The type's number in pg_type. 0 leaves the type of a NULL to the server.
  var type: Oid {
    switch self {
    case .null: 0
    case .integer: TypeID.integer
    case .text: TypeID.text
    case .bytes: TypeID.bytes
    case .boolean: TypeID.boolean
    case .integers: TypeID.integers
    case .texts: TypeID.texts
    case .byteArrays: TypeID.byteArrays
    case .booleans: TypeID.booleans
    }
  }
}

/// Numbers of built-in types, which never change (src/include/catalog/pg_type.dat).
enum TypeID {
  static let boolean: Oid = 16
  static let bytes: Oid = 17
  static let integer: Oid = 20
  static let text: Oid = 25
  static let booleans: Oid = 1000
  static let byteArrays: Oid = 1001
  static let texts: Oid = 1009
  static let integers: Oid = 1016
}
