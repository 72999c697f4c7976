import FaultyDisk
import Jobs
import Store
@testable import Time

/// What a disk holds before anything happens to it, and how it came there.
struct Beginning {
  var files: [String: [UInt8]] = [:]
  var deliveries: [Delivery] = []

  static let nothing = Beginning()

  /// A database and a log that a killed process left.
  static func killed() throws -> Beginning {
    let disk = try FaultyDisk()
    var deliveries = Deliveries(seed: 99, bodySizes: [10, 300, 5000])
    var beginning = Beginning()
    let writer = try StoreWriter(path: disk.path)
    for number in 0..<8 {
      let batch = deliveries.batch()
      _ = try writer.commit(batch)
      beginning.deliveries += batch
      if number == 4 { _ = try writer.checkpoint() }
    }
    beginning.files = disk.files()
    return beginning
  }

  /// The whole of it as one batch.
  var attempt: Attempt { Attempt(deliveries: deliveries, start: 0, end: 0, isAcknowledged: true) }

  /// The time of the last receipt, in milliseconds.
  var end: Int64 { deliveries.map(\.receivedAt.milliseconds).max() ?? 0 }
}
