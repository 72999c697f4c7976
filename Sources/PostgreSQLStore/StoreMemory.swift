internal import StoreSeam
internal import PostgreSQL
internal import Tables
internal import Time

/// What a store knows from its last transactions.
///
/// The next one reads it ahead. Nothing depends on it: what it lacks is read when it is needed.
final class StoreMemory {
  /// Whether `attempts` had rows.
  var hasAttempts = false
  /// Whether `tombstone_keys` had rows.
  var hasTombstoneKeys = false
  /// Rows of capabilities' tables that the last transaction has read.
  private(set) var recentRows: [String: (table: TableDeclaration, keys: [[RowValue]])] = [:]

  private static let maxRecentRows = 64

  /// Numbers for new jobs that were drawn and not used.
  private var spareNumbers: ArraySlice<Int64> = []
  private var drawnAt = MonotonicTime(nanoseconds: 0)
  /// Older numbers are not used: lists have the order of the numbers.
  private static let maxSpareAge = Duration.seconds(2)

  /// The unclaimed create calls, and when they were counted.
  private var queued: (count: Int, at: MonotonicTime)?
  /// Other processes queue and claim, too.
  private static let maxCountAge = Duration.seconds(1)

  /// Keeps those rows, unless the transaction has read none.
  func noteRows(_ rows: [String: (table: TableDeclaration, keys: [[RowValue]])]) {
    guard !rows.isEmpty else { return }
    let count = rows.values.reduce(0) { $0 + $1.keys.count }
    recentRows = count <= Self.maxRecentRows ? rows : [:]
  }

  /// How many numbers a batch must draw that may insert `count` jobs.
  func missingNumbers(for count: Int, at now: MonotonicTime) -> Int {
    if drawnAt + Self.maxSpareAge < now { spareNumbers = [] }
    return max(0, count - spareNumbers.count)
  }

  func noteNumbers(_ drawn: [Int64], at now: MonotonicTime) {
    spareNumbers += drawn
    if !drawn.isEmpty { drawnAt = now }
  }

  func takeNumber() -> Int64? { spareNumbers.popFirst() }

  /// Nil where it was not counted lately.
  func queuedCount(at now: MonotonicTime) -> Int? {
    guard let queued, now < queued.at + Self.maxCountAge else { return nil }
    return queued.count
  }

  func noteQueued(_ count: Int, at now: MonotonicTime) { queued = (count, now) }

  func noteQueued(change: Int) { queued?.count += change }
}
