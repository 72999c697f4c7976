package import Routing
package import StoreSeam

/// What jobs may belong to, so that they are not changed one by one.
package protocol JobOwner: Sendable {
  /// Why the change is refused. Nil where it is allowed.
  func refusal(
    of change: JobChange, ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> Problem?
}

/// A change of one job that its owner may refuse.
package enum JobChange: Sendable {
  case retry
  case deletion
}
