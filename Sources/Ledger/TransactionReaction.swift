package import StoreSeam

/// Follows changes of jobs with further commands, inside the same transaction.
///
/// It is pure, as commands are: it may be called again where the transaction is repeated.
package protocol TransactionReaction: Sendable {
  /// Reads and changes `transaction` as a command does.
  ///
  /// It is called after the commands, and again for the transitions that it makes itself. So each round must
  /// bring an end nearer: the rounds end with the first that makes no transition.
  func react(
    to transitions: ArraySlice<JobTransition>, in transaction: LedgerTransaction
  ) throws(StorageError)

  /// Whether a job that has ended stays although `RETENTION` is over.
  func retains(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool

  /// Whether the input or the output of a job that has ended is still read, so that neither may be erased.
  func needsBodies(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool
}

extension TransactionReaction {
  package func needsBodies(
    _ number: Int64, id: String, in transaction: LedgerTransaction
  ) throws(StorageError) -> Bool { false }
}

extension LedgerTransaction {
  /// Lets the reactions follow what the commands have done, and each other.
  func react(with reactions: [any TransactionReaction]) throws(StorageError) {
    var seen = 0
    while seen < transitions.count {
      let new = transitions[seen...]
      seen = transitions.count
      for reaction in reactions { try reaction.react(to: new, in: self) }
    }
  }
}
