/// PostgreSQL's code of an error or a notice.
///
/// See https://www.postgresql.org/docs/current/errcodes-appendix.html.
package struct SQLState: RawRepresentable, Hashable, Sendable {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  /// The first two characters, which name the class.
  package var category: Substring { rawValue.prefix(2) }

  package static let success = SQLState(rawValue: "00000")
  package static let uniqueViolation = SQLState(rawValue: "23505")
  package static let readOnlyTransaction = SQLState(rawValue: "25006")
  package static let inFailedTransaction = SQLState(rawValue: "25P02")
  package static let invalidStatementName = SQLState(rawValue: "26000")
  package static let serializationFailure = SQLState(rawValue: "40001")
  package static let deadlockDetected = SQLState(rawValue: "40P01")
  package static let duplicatePreparedStatement = SQLState(rawValue: "42P05")
  package static let undefinedTable = SQLState(rawValue: "42P01")
  package static let diskFull = SQLState(rawValue: "53100")
  package static let lockNotAvailable = SQLState(rawValue: "55P03")
  package static let queryCanceled = SQLState(rawValue: "57014")
  package static let adminShutdown = SQLState(rawValue: "57P01")
}
