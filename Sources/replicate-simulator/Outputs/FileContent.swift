internal import Bytes
internal import Crypto

/// The bytes of a file.
enum FileContent: Sendable {
  case bytes([UInt8])
  case filler(Filler)

  static let maxPieceBytes = Filler.block.count

  var count: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .filler(let filler): filler.count
    }
  }

  /// The bytes from `range.lowerBound` on, at most ``maxPieceBytes``.
  ///
  /// - Parameter range: not empty.
  func piece(of range: Range<Int>) -> [UInt8] {
    switch self {
    case .bytes(let bytes): Array(bytes[range.prefix(Self.maxPieceBytes)])
    case .filler(let filler): filler.piece(of: range)
    }
  }

  func bytes(in range: Range<Int>) -> [UInt8] {
    if case .bytes(let bytes) = self { return Array(bytes[range]) }
    var (bytes, offset): ([UInt8], Int) = ([], range.lowerBound)
    bytes.reserveCapacity(range.count)
    while offset < range.upperBound {
      let piece = piece(of: offset..<range.upperBound)
      bytes += piece
      offset += piece.count
    }
    return bytes
  }

  var bytes: [UInt8] { bytes(in: 0..<count) }

  /// Other content of almost the same size.
  func changed(_ number: Int) -> FileContent {
    switch self {
    case .bytes(let bytes): .bytes(bytes + Array("\n\(number)\n".utf8))
    case .filler(let filler): .filler(filler.changed(number))
    }
  }
}

/// Bytes that are made while they are sent: files of any size take no memory, and next to no time.
///
/// A block is repeated. The last bytes are those of this file alone, so that no two files are equal.
struct Filler: Sendable {
  let count: Int
  private let end: [UInt8]
  /// What the end is made of.
  private let seed: String
  /// Where the first block begins.
  private var shift = 0

  /// - Parameter seed: the same one gives the same bytes.
  init(count: Int, seed: String) {
    self.count = count
    self.seed = seed
    end = Array(SHA256().digest(of: seed.utf8Span.span).prefix(count))
  }

  func changed(_ number: Int) -> Filler {
    var changed = Filler(count: count, seed: "\(seed) \(number)")
    changed.shift = number * 7 % Self.block.count
    return changed
  }

  /// The number of bytes that all files of this size share.
  private var sharedCount: Int { count - end.count }

  /// Random bytes without a meaning, the same in each run.
  fileprivate static let block: [UInt8] = {
    let dice = Dice(seed: 1)
    return (0..<8192).flatMap { index in
      let number = dice.number(.output, for: index)
      return (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }
  }()

  func piece(of range: Range<Int>) -> [UInt8] {
    let start = range.lowerBound
    guard start < sharedCount else {
      return Array(end[(start - sharedCount)..<(range.upperBound - sharedCount)])
    }
    let blockStart = (start + shift) % Self.block.count
    let size = min(Self.block.count - blockStart, min(range.upperBound, sharedCount) - start)
    // A whole block is no copy.
    return size == Self.block.count ? Self.block : Array(Self.block[blockStart..<blockStart + size])
  }

  /// A strong entity tag without its quotes.
  var tag: String { Hexadecimal.encode(SHA256().digest(of: "\(count) \(seed)".utf8Span.span).prefix(16)) }

  /// The CRC-32C of the bytes.
  ///
  /// - Parameter cache: has that of what files of one size share.
  func checksum(_ cache: inout [Int: CRC32C]) -> UInt32 {
    if cache.count > 1000 { cache = [:] }
    var checksum = CRC32C()
    if shift == 0, let known = cache[count] {
      checksum = known
    } else {
      var offset = 0
      while offset < sharedCount {
        let piece = piece(of: offset..<sharedCount)
        checksum.update(piece.span)
        offset += piece.count
      }
      if shift == 0 { cache[count] = checksum }
    }
    checksum.update(end.span)
    return checksum.value
  }
}

/// A gzip file (RFC 1952) whose blocks are stored as they are.
enum Gzip {
  private static let maxBlockSize = 65_535

  static func stored(_ content: [UInt8]) -> [UInt8] {
    // Deflate, no flags, no time, no level, unknown system.
    var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    var rest = content[...]
    repeat {
      let block = rest.prefix(maxBlockSize)
      rest = rest.dropFirst(block.count)
      file.append(rest.isEmpty ? 1 : 0)
      file.append(littleEndian: UInt16(block.count))
      file.append(littleEndian: ~UInt16(block.count))
      file += block
    } while !rest.isEmpty
    file.append(littleEndian: Checksums.crc32(content))
    file.append(littleEndian: UInt32(truncatingIfNeeded: content.count))
    return file
  }
}
