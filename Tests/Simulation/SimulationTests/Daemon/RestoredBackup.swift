import FaultyDisk
import Ledger
import StoreSeam
import SQLiteStore
import Simulation

/// A backup that replaces the database after an end of the daemon.
///
/// It forgets what was accepted since, and that predictions were created.
struct SimulatedBackup {
  let database: [UInt8]
  /// The orders that the app knew as accepted.
  let orders: Set<Int>
  let acknowledged: Set<String>
  /// Predictions of other programs that were reported by then.
  let known: Set<String>
  /// Those whose deletion was requested by then.
  let deleted: Set<String>
}

extension DaemonSimulation {
  /// Makes the backup at the first end of the daemon, and restores it at the next.
  func makeOrRestoreBackup() {
    guard plan.restoresBackup, isFaulty, !isRestored else { return }
    // Answers that arrived before the end are of the old database.
    for exchange in exchanges { exchange.poll() }
    if let backup { restore(backup) } else { makeBackup() }
  }

  private func makeBackup() {
    // As the command does, which reads the database while no daemon runs.
    guard (try? SQLiteStore(path: disk.path, busyTimeout: 0).finish()) != nil else { return }
    backup = SimulatedBackup(
      database: disk.database, orders: Set(orders.filter { $0.id != nil }.map(\.number)),
      acknowledged: acknowledged, known: Set(account.predictions.filter(\.isKnown).map(\.id)),
      deleted: Set(account.predictions.filter(\.isDeletionRequested).map(\.id)))
  }

  private func restore(_ backup: SimulatedBackup) {
    isRestored = true
    counts[.restoredBackup] += 1
    SimulationLog.write(kernel.trueTimeMilliseconds, "restore")
    disk.heal()
    disk.format(holding: backup.database)
    do {
      let store = try SQLiteStore(path: disk.path, busyTimeout: 0, newEpoch: Incarnation.epoch)
      try Ledger(store: store).commit { (transaction) throws(StorageError) in
        _ = try transaction.key(StoreKey.backupMarker, orStore: [1])
      }
      try store.finish()
    } catch {
      return fail("the backup cannot be restored: \(error)")
    }
    acknowledged = backup.acknowledged
    for prediction in account.predictions {
      (prediction.isKnown, prediction.isEndAcknowledged) = (backup.known.contains(prediction.id), false)
      prediction.isDeletionRequested = backup.deleted.contains(prediction.id)
      (prediction.isShownEnded, prediction.isDeleted) = (prediction.isDeletionRequested, false)
      if prediction.isDeletionRequested {
        after(1000) { self.delete(prediction) }
      } else if prediction.isKnown, prediction.order == nil {
        follow(prediction)
      }
    }
    account.noteRestore(keeping: backup.orders)
    noteRestoreOfStreams()
    for order in orders { noteRestore(order, isKept: backup.orders.contains(order.number)) }
  }
}
