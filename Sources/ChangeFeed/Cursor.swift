package import StoreSeam

/// A position in the change feed of one store.
///
/// Its text is `<number>.<epoch>`, in `Last-Event-ID` and in `after=`. During a first pass through a store it
/// is `<number>.<epoch>.<start>`.
package struct Cursor: Hashable, Sendable {
  /// All changes up to this number are known.
  package let number: Int64
  /// Names the store, and the backup from which it was restored.
  package let epoch: String
  /// The last change when the reader began without a cursor, while it is greater than ``number``.
  ///
  /// Jobs that were deleted up to then were never shown to the reader, so it needs no tombstones of them.
  package let start: Int64

  /// The maximum length of a cursor's text.
  package static let maxBytes = 64
  /// The maximum length of an epoch.
  static let maxEpochBytes = 24
  /// The maximum length of a number: `Int64.max` has as many digits.
  private static let maxDigits = 19

  init(number: Int64, epoch: String, start: Int64) {
    self.number = number
    self.epoch = epoch
    self.start = max(number, start)
  }

  /// The end of a feed: only later changes follow.
  package init(endOf position: FeedPosition) {
    self.init(number: position.lastChange, epoch: position.epoch, start: 0)
  }

  /// Parses a cursor's text. Only texts that ``text`` prints are valid.
  package init?(_ text: String) {
    guard text.utf8.count <= Self.maxBytes else { return nil }
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, let number = Self.number(parts[0]) else { return nil }
    let epoch = parts[1]
    guard !epoch.isEmpty, epoch.count <= Self.maxEpochBytes, epoch.allSatisfy(Self.isHexadecimal) else {
      return nil
    }
    var start = number
    if parts.count == 3 {
      guard let given = Self.number(parts[2]), given > number else { return nil }
      start = given
    }
    self.init(number: number, epoch: String(Substring(epoch)), start: start)
  }

  package var text: String {
    start > number ? "\(number).\(epoch).\(start)" : "\(number).\(epoch)"
  }

  private static func number(_ digits: Substring.UTF8View) -> Int64? {
    guard (1...maxDigits).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.count == 1 || digits.first != 0x30
    else { return nil }
    return Int64(Substring(digits))
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}

/// Why a store does not answer a cursor.
///
/// An answer would have a gap. The reader begins again without a cursor.
package enum CursorRefusal: Error, Equatable, Sendable {
  /// The cursor is of another store, or of this one before a backup was restored.
  case otherStore
  /// Deletions after the cursor are no longer known.
  case tooOld
  /// The cursor is greater than the store's last change.
  case inFuture
}

extension Cursor {
  /// Why `position`'s store cannot answer the cursor. Nil where it can.
  func refusal(at position: FeedPosition) -> CursorRefusal? {
    if epoch != position.epoch { return .otherStore }
    // Another epoch would be expected. A number from nowhere must not be answered with silence.
    if start > position.lastChange { return .inFuture }
    return start < position.oldestChange ? .tooOld : nil
  }
}
