internal import Bytes

/// An opaque colour.
struct Colour {
  /// Red, green and blue, 0 to 1.
  private let channels: SIMD3<Double>

  static let white = Colour(channels: SIMD3(1, 1, 1))

  private init(channels: SIMD3<Double>) {
    self.channels = channels
  }

  init(_ bytes: (red: UInt8, green: UInt8, blue: UInt8)) {
    channels = SIMD3(Double(bytes.red), Double(bytes.green), Double(bytes.blue)) / 255
  }

  /// - Parameters:
  ///   - hue: in turns; its whole part has no effect.
  ///   - saturation: 0 to 1.
  ///   - lightness: 0 to 1.
  static func hsl(_ hue: Double, _ saturation: Double, _ lightness: Double) -> Colour {
    let amplitude = saturation * min(lightness, 1 - lightness)
    func channel(_ offset: Double) -> Double {
      let position = ((hue - hue.rounded(.down)) * 12 + offset).truncatingRemainder(dividingBy: 12)
      return lightness - amplitude * max(-1, min(position - 3, 9 - position, 1))
    }
    return Colour(channels: SIMD3(channel(0), channel(8), channel(4)))
  }

  /// The colour with `part` of it replaced by another, 0 to 1.
  func mixed(with other: Colour, _ part: Double) -> Colour {
    Colour(channels: channels + (other.channels - channels) * part)
  }

  var bytes: (red: UInt8, green: UInt8, blue: UInt8) {
    let scaled = channels * 255 + 0.5
    return (UInt8(scaled.x), UInt8(scaled.y), UInt8(scaled.z))
  }

  /// `#rrggbb`.
  var hexadecimal: String { "#" + Hexadecimal.encode([bytes.red, bytes.green, bytes.blue]) }
}

/// A picture of opaque pixels.
struct Canvas {
  let width: Int
  let height: Int
  /// Rows of a PNG: a filter byte, and three bytes a pixel.
  private var rows: [UInt8]
  private var rowSize: Int { 1 + 3 * width }

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    rows = Array(repeating: 0, count: (1 + 3 * width) * height)
  }

  mutating func fill(row: Int, with colour: Colour) {
    let bytes = colour.bytes
    for column in 0..<width { set(column, row, bytes) }
  }

  /// Paints one pixel; `part` of it is covered, 0 to 1.
  mutating func paint(_ column: Int, _ row: Int, with colour: Colour, _ part: Double) {
    set(column, row, Colour(pixel(column, row)).mixed(with: colour, part).bytes)
  }

  mutating func set(_ column: Int, _ row: Int, _ colour: (red: UInt8, green: UInt8, blue: UInt8)) {
    let start = row * rowSize + 1 + 3 * column
    rows[start] = colour.red
    rows[start + 1] = colour.green
    rows[start + 2] = colour.blue
  }

  func pixel(_ column: Int, _ row: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
    let start = row * rowSize + 1 + 3 * column
    return (rows[start], rows[start + 1], rows[start + 2])
  }

  /// The picture as a PNG file (ISO/IEC 15948), true colour, without a filter.
  var png: [UInt8] {
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    var header: [UInt8] = []
    header.append(bigEndian: UInt32(width))
    header.append(bigEndian: UInt32(height))
    // Eight bits a sample, true colour, and the only methods of compression, filters and order.
    header += [8, 2, 0, 0, 0]
    Self.append("IHDR", header, to: &file)
    Self.append("IDAT", Deflate.zlib(rows, distances: [3, rowSize]), to: &file)
    Self.append("IEND", [], to: &file)
    return file
  }

  private static func append(_ type: String, _ content: [UInt8], to file: inout [UInt8]) {
    let chunk = Array(type.utf8) + content
    file.append(bigEndian: UInt32(content.count))
    file += chunk
    file.append(bigEndian: Checksums.crc32(chunk))
  }
}
