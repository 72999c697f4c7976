internal import Store

/// Whether deliveries can be stored, as far as the last attempts tell. A value; the commit thread keeps it.
///
/// On a disk that is nearly full a page still fits where a delivery does not, and in a damaged file some pages are sound. So
/// after such a failure writing works again only when as much as has failed was written, by deliveries or by a probe.
struct WritingHealth: Equatable {
  /// The most that a probe writes. A batch may be larger, but whoever asks for readiness should not write that much.
  static let largestRoom = 16 << 20

  /// What a delivery takes beside its body: its rows, its places in the indexes, and pages that are not full.
  private static let roomBesideBody = 16 << 10

  /// Bytes that have to fit before writing works again; nil while it works.
  private(set) var missingRoom: Int?

  var isFailing: Bool { missingRoom != nil }

  /// How many bytes of room deliveries with `bodyBytes` in all take, at most ``largestRoom``.
  static func room(deliveries: Int, bodyBytes: Int) -> Int {
    min(bodyBytes + deliveries * roomBesideBody, largestRoom)
  }

  /// - Parameter room: how much was to be written.
  mutating func noteFailure(_ error: StoreError, room: Int) {
    missingRoom = max(missingRoom ?? 0, error.needsDryRun ? room : 0)
  }

  /// - Parameter room: how much was written.
  /// - Returns: true where writing works again.
  mutating func noteSuccess(room: Int) -> Bool {
    guard let missingRoom, room >= missingRoom else { return false }
    self.missingRoom = nil
    return true
  }
}
