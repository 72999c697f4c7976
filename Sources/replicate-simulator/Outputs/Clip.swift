/// A short video: the disc rises over a landscape. An MP4 file (ISO/IEC 14496-12) without sound.
struct Clip {
  private let landscape: Landscape

  private static let columns = 16
  private static let rows = 9
  private static let width = 16 * columns
  private static let height = 16 * rows
  private static let frameCount = 16
  /// In milliseconds.
  private static let frameDuration = 125

  init(_ seed: OutputSeed) {
    landscape = Landscape(seed)
  }

  var mp4: [UInt8] {
    let stream = VideoStream(columns: Self.columns, rows: Self.rows)
    var samples: [[UInt8]] = []
    var last: [VideoStream.Macroblock] = []
    for number in 0..<Self.frameCount {
      let part = Double(number) / Double(Self.frameCount - 1)
      let blocks = Self.blocks(
        landscape.drawn(width: Self.width, height: Self.height, sunk: 0.2 * (1 - part)))
      let unit = number == 0 ? stream.keyFrame(blocks) : stream.frame(number, blocks, after: last)
      var sample: [UInt8] = []
      sample.append(bigEndian: UInt32(unit.count))
      samples.append(sample + unit)
      last = blocks
    }
    let kind = Self.box("ftyp", Array("isom".utf8) + Self.numbers(0x200) + Array("isomavc1mp41".utf8))
    // The movie's size does not depend on where the samples are.
    let start = kind.count + movie(stream, samples, at: 0).count + 8
    return kind + movie(stream, samples, at: start) + Self.box("mdat", samples.flatMap { $0 })
  }

  // MARK: - Pixels

  /// The macroblocks in order, in BT.601's luma and chroma with half the resolution of chroma.
  private static func blocks(_ canvas: Canvas) -> [VideoStream.Macroblock] {
    (0..<rows * columns).map { index in
      let (left, top) = (16 * (index % columns), 16 * (index / columns))
      var block: VideoStream.Macroblock = []
      block.reserveCapacity(384)
      for row in 0..<16 {
        for column in 0..<16 {
          let (red, green, blue) = channels(canvas, left + column, top + row)
          block.append(UInt8((16_000 + 257 * red + 504 * green + 98 * blue) / 1000))
        }
      }
      for weights in [(-148, -291, 439), (439, -368, -71)] {
        for row in stride(from: 0, to: 16, by: 2) {
          for column in stride(from: 0, to: 16, by: 2) {
            let (red, green, blue) = channels(canvas, left + column, top + row)
            block.append(
              UInt8((128_000 + weights.0 * red + weights.1 * green + weights.2 * blue) / 1000))
          }
        }
      }
      return block
    }
  }

  private static func channels(_ canvas: Canvas, _ column: Int, _ row: Int) -> (Int, Int, Int) {
    let (red, green, blue) = canvas.pixel(column, row)
    return (Int(red), Int(green), Int(blue))
  }

  // MARK: - Boxes

  private func movie(_ stream: VideoStream, _ samples: [[UInt8]], at start: Int) -> [UInt8] {
    let (count, duration) = (samples.count, samples.count * Self.frameDuration)
    let sizes = Self.numbers(0, 0, count) + samples.flatMap { Self.numbers($0.count) }
    let table = Self.box(
      "stbl",
      Self.box("stsd", Self.numbers(0, 1) + description(stream))
        + Self.box("stts", Self.numbers(0, 1, count, Self.frameDuration))
        // Only the first sample is a key frame.
        + Self.box("stss", Self.numbers(0, 1, 1))
        + Self.box("stsc", Self.numbers(0, 1, 1, count, 1)) + Self.box("stsz", sizes)
        + Self.box("stco", Self.numbers(0, 1, start)))
    let data = Self.box("dinf", Self.box("dref", Self.numbers(0, 1) + Self.box("url ", Self.numbers(1))))
    let information = Self.box("minf", Self.box("vmhd", Self.numbers(1, 0, 0)) + data + table)
    let handler = Self.box("hdlr", Self.numbers(0, 0) + Array("vide".utf8) + Self.numbers(0, 0, 0) + [0])
    // The time scale is milliseconds; 0x55C4 is the undetermined language.
    let media = Self.box(
      "mdia", Self.box("mdhd", Self.numbers(0, 0, 0, 1000, duration, 0x55C4_0000)) + handler + information)
    let (size, matrix) = (
      Self.numbers(Self.width << 16, Self.height << 16),
      Self.numbers(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000)
    )
    // The track is enabled and in the movie.
    let track = Self.box(
      "tkhd", Self.numbers(3, 0, 0, 1, 0, duration, 0, 0, 0, 0) + matrix + size)
    let header = Self.box(
      "mvhd",
      Self.numbers(0, 0, 0, 1000, duration, 0x10000, 0x0100_0000, 0, 0) + matrix
        + Self.numbers(0, 0, 0, 0, 0, 0, 2))
    return Self.box("moov", header + Self.box("trak", track + media))
  }

  /// How samples are decoded (ISO/IEC 14496-15 section 5.3).
  private func description(_ stream: VideoStream) -> [UInt8] {
    let (sequence, picture) = (stream.sequenceParameters, stream.pictureParameters)
    // Units have lengths of four bytes. One set of each parameters follows.
    var configuration: [UInt8] = [1] + VideoStream.profileBytes + [0xFF, 0xE1]
    configuration += [UInt8(sequence.count >> 8), UInt8(sequence.count & 0xFF)] + sequence
    configuration += [1, UInt8(picture.count >> 8), UInt8(picture.count & 0xFF)] + picture
    // At 72 dots an inch, one frame a sample, no name, 24 bits a pixel.
    let entry =
      Self.numbers(0, 1, 0, 0, 0, 0, Self.width << 16 | Self.height, 0x48_0000, 0x48_0000, 0) + [0, 1]
      + [UInt8](repeating: 0, count: 32) + [0, 24, 0xFF, 0xFF]
    return Self.box("avc1", entry + Self.box("avcC", configuration))
  }

  private static func box(_ type: String, _ content: [UInt8]) -> [UInt8] {
    var box: [UInt8] = []
    box.append(bigEndian: UInt32(8 + content.count))
    return box + Array(type.utf8) + content
  }

  /// Numbers of 32 bits.
  private static func numbers(_ values: Int...) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values { bytes.append(bigEndian: UInt32(value)) }
    return bytes
  }
}
