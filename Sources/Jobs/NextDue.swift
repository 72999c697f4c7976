package import Time

/// The next due time of each kind of work. Nil where none is due.
package struct NextDue: Equatable, Sendable {
  /// The check of an open job.
  package let check: Timestamp?
  /// The create call of an order.
  package let create: Timestamp?
  /// The search for the prediction of an unanswered order.
  package let find: Timestamp?
  /// The cancel call of an order.
  package let cancel: Timestamp?

  package init(check: Timestamp?, create: Timestamp?, find: Timestamp?, cancel: Timestamp?) {
    self.check = check
    self.create = create
    self.find = find
    self.cancel = cancel
  }
}
