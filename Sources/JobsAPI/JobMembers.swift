package import StoreSeam

/// What a capability adds to the documents of jobs.
///
/// It is read after the job, so it is at least as new as the document's entity tag. A capability that changes
/// it calls `LedgerTransaction.touch`.
package protocol JobMembers: Sendable {
  /// Whether a job may have further members.
  ///
  /// - Parameters:
  ///   - id: of its own. Empty for a job of deliveries.
  ///   - body: that of its snapshot, as stored.
  func concerns(_ id: String, body: [UInt8]) -> Bool

  /// The further members of one job's document.
  func members(
    ofJob number: Int64, id: String, in reader: any StoreReader
  ) async throws(StorageError) -> [JobMember]

  /// The further members of the rows of a list, at most ``TableQuery/maxAmong``, by the jobs' numbers.
  func members(
    ofJobs numbers: [Int64], in reader: any StoreReader
  ) async throws(StorageError) -> [Int64: [JobMember]]
}

extension JobMembers {
  package func concerns(_ id: String, body: [UInt8]) -> Bool { true }
}

/// A member of a job's document.
package struct JobMember: Sendable {
  let name: StaticString
  /// JSON.
  let text: [UInt8]

  package init(_ name: StaticString, _ text: [UInt8]) {
    self.name = name
    self.text = text
  }
}
