internal import StoreSeam

/// Whether writing works, and how much a probe must write.
///
/// On a nearly full disk a page still fits where a delivery does not. In a damaged file some pages are sound.
/// After such a failure, writing works again only when as many bytes as failed were written, by deliveries or
/// by a probe. A value; the commit thread owns it.
struct WriteProbe: Equatable {
  /// The maximum size of a probe. A batch may be larger, but a readiness check should not write that much.
  static let maxBytes = 16 << 20

  /// What a delivery takes beside its body: its rows, its index entries, and pages that are not full.
  private static let overheadPerDelivery = 16 << 10

  /// Bytes that must fit before writing works again; nil while it works.
  private(set) var missingRoom: Int?

  var isFailing: Bool { missingRoom != nil }

  /// The bytes that deliveries with bodies of `bodyBytes` in all take, at most ``maxBytes``.
  static func room(deliveries: Int, bodyBytes: Int) -> Int {
    min(bodyBytes + deliveries * overheadPerDelivery, maxBytes)
  }

  /// - Parameter room: the bytes that were to be written.
  mutating func noteFailure(_ error: StorageError, room: Int) {
    missingRoom = max(missingRoom ?? 0, error.needsDryRun ? room : 0)
  }

  /// - Parameter room: the bytes that were written.
  /// - Returns: true if writing works again.
  mutating func noteSuccess(room: Int) -> Bool {
    guard let missingRoom, room >= missingRoom else { return false }
    self.missingRoom = nil
    return true
  }
}
