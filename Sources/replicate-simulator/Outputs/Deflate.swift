/// Compresses bytes into a zlib stream (RFC 1950 and RFC 1951), with the fixed Huffman codes.
///
/// It finds repetitions at a few given distances only. That suffices for drawn pictures, whose pixels repeat
/// the pixel to the left or the one above.
struct Deflate {
  private var bytes: [UInt8] = []
  private var bits: UInt64 = 0
  private var bitCount = 0

  private static let minMatch = 3
  private static let maxMatch = 258

  /// - Parameter distances: where to look for repetitions, each at most 32,768.
  static func zlib(_ content: [UInt8], distances: [Int]) -> [UInt8] {
    var deflate = Deflate()
    // Deflate with a window of 32 KB; the two bytes are a multiple of 31 (RFC 1950 section 2.2).
    deflate.bytes = [0x78, 0x01]
    deflate.appendBlock(content, distances.filter { (1...32_768).contains($0) })
    deflate.bytes.append(bigEndian: Checksums.adler32(content))
    return deflate.bytes
  }

  /// Appends `content` as the only block of the stream.
  private mutating func appendBlock(_ content: [UInt8], _ distances: [Int]) {
    append(1, bits: 1)
    append(1, bits: 2)
    content.withUnsafeBufferPointer { content in
      var position = 0
      while position < content.count {
        var (length, distance) = (0, 0)
        for candidate in distances where candidate <= position {
          let found = Self.match(at: position, distance: candidate, in: content)
          if found > length { (length, distance) = (found, candidate) }
        }
        if length < Self.minMatch {
          appendSymbol(Int(content[position]))
          position += 1
        } else {
          appendMatch(length: length, distance: distance)
          position += length
        }
      }
    }
    appendSymbol(256)
    // The last byte is filled with zeros.
    if bitCount > 0 { append(0, bits: 8 - bitCount % 8) }
  }

  private static func match(at position: Int, distance: Int, in content: UnsafeBufferPointer<UInt8>) -> Int {
    let limit = min(maxMatch, content.count - position)
    var length = 0
    while length < limit, content[position + length] == content[position + length - distance] { length += 1 }
    return length
  }

  private mutating func appendMatch(length: Int, distance: Int) {
    let lengthCode = Self.lengths.lastIndex { $0.base <= length } ?? 0
    appendSymbol(257 + lengthCode)
    append(length - Self.lengths[lengthCode].base, bits: Self.lengths[lengthCode].extraBits)
    let distanceCode = Self.distances.lastIndex { $0.base <= distance } ?? 0
    append(Self.reversed(distanceCode, bits: 5), bits: 5)
    append(distance - Self.distances[distanceCode].base, bits: Self.distances[distanceCode].extraBits)
  }

  private mutating func appendSymbol(_ symbol: Int) {
    let code = Self.symbols[symbol]
    append(code.value, bits: code.bits)
  }

  /// Appends `count` bits, the lowest first.
  private mutating func append(_ value: Int, bits count: Int) {
    bits |= UInt64(value) << UInt64(bitCount)
    bitCount += count
    while bitCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      bitCount -= 8
    }
  }
}

// MARK: - Codes

extension Deflate {
  private struct Code {
    /// Huffman codes are written highest bit first, so it is reversed (RFC 1951 section 3.1.1).
    let value: Int
    let bits: Int
  }

  private struct Interval {
    let base: Int
    let extraBits: Int
  }

  /// The fixed codes of literals and lengths (RFC 1951 section 3.2.6).
  private static let symbols: [Code] = (0..<288).map { symbol in
    let (value, bits) =
      switch symbol {
      case ..<144: (0x30 + symbol, 8)
      case ..<256: (0x190 + symbol - 144, 9)
      case ..<280: (symbol - 256, 7)
      default: (0xC0 + symbol - 280, 8)
      }
    return Code(value: reversed(value, bits: bits), bits: bits)
  }

  /// Lengths of matches (RFC 1951 section 3.2.5): the longest has a code of its own.
  private static let lengths =
    intervals(from: 3, extraBits: [0, 0, 0, 0] + (0...5).flatMap { [$0, $0, $0, $0] })
    + [Interval(base: 258, extraBits: 0)]

  private static let distances = intervals(from: 1, extraBits: [0, 0] + (0...13).flatMap { [$0, $0] })

  private static func intervals(from first: Int, extraBits: [Int]) -> [Interval] {
    var base = first
    return extraBits.map { bits in
      defer { base += 1 << bits }
      return Interval(base: base, extraBits: bits)
    }
  }

  private static func reversed(_ value: Int, bits: Int) -> Int {
    (0..<bits).reduce(0) { $0 | (value >> $1 & 1) << (bits - 1 - $1) }
  }
}
