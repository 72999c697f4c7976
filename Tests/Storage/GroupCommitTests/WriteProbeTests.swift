@testable import GroupCommit
import StoreSeam
import Testing

@Suite struct WriteProbeTests {
  enum Attempt {
    case fails(StorageError, room: Int)
    case succeeds(room: Int)
  }

  private static let diskError = StorageError.device("disk I/O error")

  private static let full = StorageError.full("the disk is full")
  private static let busy = StorageError.unavailable("another process holds the lock")

  /// Attempts, and the missing room after them; nil if writing works.
  @Test(
    arguments: [
      ([], nil),
      ([.succeeds(room: 0)], nil),
      // A page may fit where a delivery does not.
      ([.fails(full, room: 500)], 500),
      ([.fails(full, room: 500), .succeeds(room: 0)], 500),
      ([.fails(full, room: 500), .succeeds(room: 499)], 500),
      ([.fails(full, room: 500), .succeeds(room: 500)], nil),
      ([.fails(full, room: 500), .succeeds(room: 501)], nil),
      // The largest failed attempt counts, in any order.
      ([.fails(full, room: 500), .fails(full, room: 9), .succeeds(room: 9)], 500),
      ([.fails(full, room: 9), .fails(full, room: 500), .succeeds(room: 9)], 500),
      ([.fails(diskError, room: 500), .succeeds(room: 0)], 500),
      ([.fails(.corrupt("x"), room: 500), .succeeds(room: 0)], 500),
      // A failure not caused by missing room ends with the first success.
      ([.fails(busy, room: 500)], 0),
      ([.fails(busy, room: 500), .succeeds(room: 0)], nil),
      ([.fails(.unavailable("gone"), room: 500), .succeeds(room: 1)], nil),
      ([.fails(full, room: 500), .fails(busy, room: 900), .succeeds(room: 0)], 500),
      ([.fails(full, room: 500), .succeeds(room: 500), .fails(busy, room: 500)], 0),
    ] as [([Attempt], Int?)])
  func writingWorksAgainWhenAsMuchAsHasFailedWasWritten(_ attempts: [Attempt], _ missing: Int?) {
    var probe = WriteProbe()
    for attempt in attempts {
      let wasFailing = probe.isFailing
      switch attempt {
      case .fails(let error, let room):
        probe.noteFailure(error, room: room)
      case .succeeds(let room):
        let isOver = probe.noteSuccess(room: room)
        #expect(isOver == (wasFailing && !probe.isFailing))
      }
    }
    #expect(probe.missingRoom == missing)
    #expect(probe.isFailing == (missing != nil))
  }

  @Test func roomIsMoreThanTheBodiesAndBounded() {
    #expect(WriteProbe.room(deliveries: 1, bodyBytes: 5000) > 5000)
    #expect(WriteProbe.room(deliveries: 512, bodyBytes: 1 << 30) == WriteProbe.maxBytes)
  }
}
