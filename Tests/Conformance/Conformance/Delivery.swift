/// How the bytes of a case are split. The verdict must not depend on it.
package enum Delivery: Sendable, Equatable {
  case whole
  case byteByByte
  /// The first text in two parts, the first of so many bytes.
  case split(Int)
}

extension PreparedCase {
  /// The offsets at which to split the first text.
  ///
  /// They are all offsets of a short text. Of a long one, they are those near its start, its end and its line
  /// ends. A huge text gets fewer of each, because sending it hundreds of times would take longer than all
  /// other cases.
  ///
  /// Text common to all requests (Host, the fields of a POST) is split in `full` only, because each split
  /// would repeat the same test.
  package func boundaries(full: Bool) -> [Int] {
    guard let bytes = texts.first, bytes.count > 1 else { return [] }
    let isHuge = bytes.count > 24 * 1024
    let (start, end, lines) = isHuge ? (20, 10, 10) : (200, 100, 400)
    var endsOfLines = 0
    return (1..<bytes.count).filter { place in
      let isNear = place <= start || place >= bytes.count - end || bytes.count <= 400
      let endsLine = bytes[place - 1] == UInt8(ascii: "\n") || bytes[place - 1] == UInt8(ascii: "\r")
      if endsLine { endsOfLines += 1 }
      guard isNear || endsLine && endsOfLines <= lines else { return false }
      return full || !common.contains { $0.lowerBound < place && place < $0.upperBound }
    }
  }
}

extension Client {
  /// Sends `bytes`, split by `delivery`; false once the peer takes no more.
  @discardableResult
  func deliver(_ bytes: [UInt8], _ delivery: Delivery, isFirst: Bool) -> Bool {
    switch delivery {
    case .byteByByte:
      for place in bytes.indices {
        guard send(bytes[place...place]) else { return false }
        waitUntilTaken()
      }
      return true
    case .split(let place) where isFirst:
      guard send(bytes[..<place]) else { return false }
      waitUntilTaken()
      return send(bytes[place...])
    case .split, .whole:
      return send(bytes[...])
    }
  }
}
