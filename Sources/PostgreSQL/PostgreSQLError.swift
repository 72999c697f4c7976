internal import CPostgreSQL

/// An error of a connection, classified by its remedy.
package enum PostgreSQLError: Error, Equatable, Sendable {
  /// No connection, or a connection that broke.
  ///
  /// The outcome of what was sent is unknown.
  case connection(String)
  /// The deadline passed. The connection is still busy: see ``Connection/resume(deadline:)``.
  case timedOut(String)
  /// The server rejected a statement. An open transaction is aborted.
  case server(SQLState, String)
  /// An answer that no request of this program leads to.
  case unexpected(String)
}

extension PostgreSQLError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .connection(let text), .timedOut(let text), .unexpected(let text): text
    case .server(let state, let text): "\(text) (SQLSTATE \(state.rawValue))"
    }
  }
}

/// Texts of libpq and of servers, made fit for one log line.
enum MessageText {
  private static let maxBytes = 500

  /// The first line of `text`, bounded and without control characters.
  static func line(_ text: UnsafePointer<CChar>?) -> String {
    guard let text else { return "" }
    var bytes: [UInt8] = []
    // Bounded by `maxBytes`; libpq's texts end with NUL.
    for index in 0..<maxBytes {
      let byte = UInt8(bitPattern: text[index])
      guard byte != 0, byte != UInt8(ascii: "\n") else { break }
      bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: " ") : byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The field `code` of an error or a notice: PG_DIAG_SQLSTATE and its siblings, which are macros of C.
  static func field(_ code: Character, of result: OpaquePointer?) -> UnsafePointer<CChar>? {
    UnsafePointer(PQresultErrorField(result, Int32(code.asciiValue ?? 0)))
  }

  /// The main text of an error or a notice.
  ///
  /// libpq's own errors have no fields.
  static func primary(of result: OpaquePointer?) -> String {
    line(field("M", of: result) ?? UnsafePointer(PQresultErrorMessage(result)))
  }

  /// The SQLSTATE of an error or a notice. Nil where libpq itself made it.
  static func sqlState(of result: OpaquePointer?) -> SQLState? {
    field("C", of: result).map { SQLState(rawValue: line($0)) }
  }
}
