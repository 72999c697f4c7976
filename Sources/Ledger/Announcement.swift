internal import Crypto
package import Jobs
package import StoreSeam
package import Time

/// An event of something that is no job, which apps are notified of.
package struct Announcement: Equatable, Sendable {
  /// Names the subject. Negative, so that it is no job's number: see ``number(of:madeAt:)``.
  package let number: Int64
  /// Greater than that of the subject's earlier events.
  package let revision: Int64
  /// Such as `workflow.succeeded`.
  package let type: String
  /// The subject's id in the API.
  package let subject: String
  /// When the subject was made. Another one may have the same id after its deletion.
  package let madeAt: Timestamp
  package let occurredAt: Timestamp
  /// The subject's own callback. Nil where it has none.
  package let callback: Order.Callback?

  package init(
    number: Int64, revision: Int64, type: String, subject: String, madeAt: Timestamp, occurredAt: Timestamp,
    callback: Order.Callback?
  ) {
    self.number = number
    self.revision = revision
    self.type = type
    self.subject = subject
    self.madeAt = madeAt
    self.occurredAt = occurredAt
    self.callback = callback
  }

  /// The number of a subject: 62 bits of a digest, so two subjects do not have the same.
  package static func number(of subject: String, madeAt: Timestamp) -> Int64 {
    let digest = SHA256().digest(of: Array("\(subject) \(madeAt.milliseconds)".utf8).span)
    let bits = digest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return -1 - Int64(bits >> 2)
  }
}

extension LedgerTransaction {
  /// Adds an event for the hooks.
  package func announce(_ event: Announcement) { announcements.append(event) }

  /// Lets the hooks delete what they have of a subject that is deleted.
  package func withdrawAnnouncements(of number: Int64) {
    announcements.removeAll { $0.number == number }
    withdrawnAnnouncements.append(number)
  }

  /// Keeps other processes from a subject, until the transaction ends.
  ///
  /// Call it before its rows are read: they may be of a table that the lock of no job protects.
  ///
  /// - Parameter number: a negative one, such as that of its announcements.
  package func lock(subject number: Int64) throws(StorageError) { try rows.lock(subject: number) }

  /// Locks several at once, in an order that is the same in all processes.
  package func lock(subjects numbers: [Int64]) throws(StorageError) { try rows.lock(subjects: numbers) }
}
