package import Time

/// A kind of work that waits to be done.
///
/// A capability declares its own. The raw value is stored.
package struct WorkKind: RawRepresentable, Hashable, Sendable {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  /// An order's create call.
  package static let create = WorkKind(rawValue: "create")
  /// The search for the prediction of a create call that had no answer.
  package static let search = WorkKind(rawValue: "search")
  /// An order's cancel call.
  package static let cancel = WorkKind(rawValue: "cancel")
  /// The check of an open job: a poll, or its becoming stale.
  package static let poll = WorkKind(rawValue: "poll")

  /// The end of the time in which a queued order may be sent.
  package static let startDeadline = WorkKind(rawValue: "start_deadline")

  /// The kinds of an order's steps.
  package static let stepsOfOrders = [create, search, cancel]
}

/// The identity of a work item.
package struct WorkKey: Hashable, Sendable {
  package let kind: WorkKind
  package let job: Int64
  /// Distinguishes a job's items of one kind. Empty where it has only one.
  package let key: String

  package init(_ kind: WorkKind, job: Int64, key: String = "") {
    self.kind = kind
    self.job = job
    self.key = key
  }
}

/// One row of the work table: something to be done for a job.
///
/// A claimed item is due again when its lease expires, so that work of a dead process is taken over.
package struct WorkItem: Equatable, Sendable {
  package let key: WorkKey
  package var dueAt: Timestamp
  /// How often it was claimed.
  package var tries: Int64
  /// The process that has claimed it. Nil while none has.
  package var owner: String?
  /// Until when the claim holds.
  package var leaseEnd: Timestamp?

  package init(
    _ key: WorkKey, dueAt: Timestamp, tries: Int64 = 0, owner: String? = nil, leaseEnd: Timestamp? = nil
  ) {
    self.key = key
    self.dueAt = dueAt
    self.tries = tries
    self.owner = owner
    self.leaseEnd = leaseEnd
  }

  /// Claims the item for `owner` until `moment`.
  package mutating func claim(by owner: String, until moment: Timestamp) {
    dueAt = moment
    leaseEnd = moment
    self.owner = owner
    tries += 1
  }
}
