internal import System

/// The free space of the spool's file system, and what downloads in flight will take of it.
final class SpoolSpace: Sendable {
  private let minFreeBytes: Int
  private let measure: @Sendable () -> Int
  private let reserved = Lock<[SpoolKey: Int]>([:])

  init(minFreeBytes: Int, measure: @escaping @Sendable () -> Int) {
    self.minFreeBytes = minFreeBytes
    self.measure = measure
  }

  var freeBytes: Int { measure() }

  /// Replaces the reservation of `key`, if the space that must stay free stays so.
  ///
  /// - Returns: Whether it fits. If not, the last reservation stays.
  func reserve(_ bytes: Int, for key: SpoolKey) -> Bool {
    let free = measure()
    return reserved.withLock { reserved in
      let others = reserved.reduce(0) { $1.key == key ? $0 : $0 + $1.value }
      guard free - others - bytes >= minFreeBytes else { return false }
      reserved[key] = bytes
      return true
    }
  }

  func release(_ key: SpoolKey) {
    reserved.withLock { _ = $0.removeValue(forKey: key) }
  }
}
