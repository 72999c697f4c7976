package import StoreSeam
package import SQLite

extension StorageError {
  /// An error of the database, by what the caller can do.
  package init(_ error: DatabaseError) {
    let text = "\(error)"
    self =
      switch error {
      case .full: .full(text)
      case .corrupt: .corrupt(text)
      case .newerSchema, .olderSchema, .foreign: .schema(text)
      case _ where error.concernsWholeDatabase: error.needsDryRun ? .device(text) : .unavailable(text)
      // A bad sector affects only some jobs.
      case _ where error.needsDryRun: .corrupt(text)
      case .busy, .readOnly, .cannotOpen, .served, .strayWAL, .gone, .replaced, .other: .rejected(text)
      }
  }
}

extension DatabaseError {
  static var foreignRow: DatabaseError { .corrupt("a row holds what this program never writes") }
}

/// Runs `body`, and throws its error in the terms of the ledger.
@inline(__always)
func converting<Result>(
  _ body: () throws(DatabaseError) -> Result
) throws(StorageError) -> Result {
  do throws(DatabaseError) {
    return try body()
  } catch {
    throw StorageError(error)
  }
}
