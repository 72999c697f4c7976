package import StoreSeam
package import Time

/// Where the files of outputs are kept after the provider has erased them.
package protocol KeptCopies: Sendable {
  /// A URL from which the provider can fetch the kept copy of a file. Nil where there is none.
  ///
  /// - Parameter url: the file's address in the job's output.
  func link(
    to url: String, ofJob number: Int64, at now: Timestamp, in transaction: LedgerTransaction
  ) throws(StorageError) -> String?
}
