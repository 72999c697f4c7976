package import SQLite

/// An error of the store is an error of its database.
package typealias StoreError = DatabaseError

extension StoreError {
  /// The error where too many writes wait for their commit.
  package static var overloaded: StoreError { .busy }

  /// Whether the whole store cannot write.
  ///
  /// Retrying a batch in parts would fail too.
  package var concernsWholeStore: Bool { concernsWholeDatabase }
}
