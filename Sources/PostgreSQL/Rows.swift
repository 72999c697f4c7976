internal import CPostgreSQL

/// The result of one statement, in binary format.
///
/// Rows and columns are counted from 0. What is NULL, absent or of another type reads as 0, false or empty.
/// The optional forms return nil for NULL.
package final class Rows {
  private let result: OpaquePointer
  package let count: Int
  private let columnCount: Int

  /// Takes over `result`.
  init(_ result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    columnCount = Int(PQnfields(result))
  }

  deinit { PQclear(result) }

  package var isEmpty: Bool { count == 0 }

  /// The command tag, such as `COMMIT` or `INSERT 0 1`.
  package var commandTag: String { MessageText.line(PQcmdStatus(result)) }

  /// How many rows the statement inserted, updated, deleted or selected.
  package var affected: Int { Int(MessageText.line(PQcmdTuples(result))) ?? 0 }

  package func isNull(_ row: Int, _ column: Int32) -> Bool { value(row, column) == nil }

  package func integer(_ row: Int, _ column: Int32) -> Int64 { optionalInteger(row, column) ?? 0 }

  package func optionalInteger(_ row: Int, _ column: Int32) -> Int64? {
    value(row, column).flatMap { BinaryValue.integer($0) }
  }

  package func text(_ row: Int, _ column: Int32) -> String? {
    value(row, column).map { BinaryValue.text($0) }
  }

  package func bytes(_ row: Int, _ column: Int32) -> [UInt8] { optionalBytes(row, column) ?? [] }

  package func optionalBytes(_ row: Int, _ column: Int32) -> [UInt8]? {
    value(row, column).map { [UInt8]($0) }
  }

  package func boolean(_ row: Int, _ column: Int32) -> Bool { optionalBoolean(row, column) ?? false }

  package func optionalBoolean(_ row: Int, _ column: Int32) -> Bool? {
    value(row, column).map { BinaryValue.boolean($0) }
  }

  package func integers(_ row: Int, _ column: Int32) -> [Int64?] {
    array(row, column) { BinaryValue.integer($0) ?? 0 }
  }

  package func texts(_ row: Int, _ column: Int32) -> [String?] {
    array(row, column) { BinaryValue.text($0) }
  }

  package func byteArrays(_ row: Int, _ column: Int32) -> [[UInt8]?] {
    array(row, column) { [UInt8]($0) }
  }

  package func booleans(_ row: Int, _ column: Int32) -> [Bool?] {
    array(row, column) { BinaryValue.boolean($0) }
  }

  private func array<Element>(
    _ row: Int, _ column: Int32, _ decode: (UnsafeRawBufferPointer) -> Element
  ) -> [Element?] {
    value(row, column).flatMap { BinaryValue.array($0, decode) } ?? []
  }

  /// The bytes of a value, valid as long as this object. Nil where it is NULL.
  ///
  /// libpq is not called with an index out of range. Its warning would go to the connection, which may be
  /// gone.
  private func value(_ row: Int, _ column: Int32) -> UnsafeRawBufferPointer? {
    guard row >= 0, row < count, column >= 0, column < columnCount, let row = Int32(exactly: row),
      PQgetisnull(result, row, column) == 0
    else { return nil }
    return UnsafeRawBufferPointer(
      start: PQgetvalue(result, row, column), count: max(0, Int(PQgetlength(result, row, column))))
  }
}

/// Values in the binary format of the types' send functions (src/backend/utils/adt).
enum BinaryValue {
  /// `int2`, `int4`, `int8`, and what has their form, such as `xid8`.
  static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
    switch bytes.count {
    case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
    case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
    case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
    default: nil
    }
  }

  static func boolean(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.count == 1 && bytes[0] != 0 }

  static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

  /// A one-dimensional array (array_send in arrayfuncs.c). Nil where the bytes are no such array.
  static func array<Element>(
    _ bytes: UnsafeRawBufferPointer, _ decode: (UnsafeRawBufferPointer) -> Element
  ) -> [Element?]? {
    var rest = bytes[...]
    guard let dimensions = takeInteger(&rest), takeInteger(&rest) != nil, takeInteger(&rest) != nil else {
      return nil
    }
    guard dimensions != 0 else { return [] }
    // Each element takes at least four bytes, which bounds what is reserved.
    guard dimensions == 1, let count = takeInteger(&rest), takeInteger(&rest) != nil, count >= 0,
      Int(count) <= rest.count / 4
    else { return nil }
    var elements: [Element?] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let length = takeInteger(&rest) else { return nil }
      guard length >= 0 else {
        elements.append(nil)
        continue
      }
      guard Int(length) <= rest.count else { return nil }
      elements.append(decode(UnsafeRawBufferPointer(rebasing: rest.prefix(Int(length)))))
      rest.removeFirst(Int(length))
    }
    return elements
  }

  private static func takeInteger(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Int32? {
    guard rest.count >= 4 else { return nil }
    let value = UnsafeRawBufferPointer(rebasing: rest.prefix(4)).loadUnaligned(as: Int32.self)
    rest.removeFirst(4)
    return Int32(bigEndian: value)
  }
}
