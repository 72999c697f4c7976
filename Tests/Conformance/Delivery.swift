/// In what pieces the bytes of a case are sent. The verdict must not depend on it.
package enum Delivery: Sendable, Equatable {
  case whole
  case byteByByte
  /// The first text of the script in two parts, the first of so many bytes.
  case split(Int)
}

extension PreparedCase {
  /// Where to split the first text: everywhere, or, where it is long, around the beginning, the end and the
  /// ends of lines; fewer of each where sending it hundreds of times would take longer than all other cases.
  ///
  /// What stands in every request alike (Host, the fields of a POST) is split in `full` alone, for it would
  /// be the same test hundreds of times.
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
  /// False once the peer takes no more.
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
