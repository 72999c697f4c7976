internal import Glibc

/// A short melody as a WAV file: 16-bit samples, one channel.
struct Melody {
  /// Frequencies in hertz.
  private let notes: [Double]

  private static let sampleRate = 16_000
  private static let noteCount = 8
  /// In samples: a quarter of a second.
  private static let noteLength = sampleRate / 4
  /// The major pentatonic scale, in semitones. Any order of its notes sounds well.
  private static let scale = [0, 2, 4, 7, 9, 12, 14, 16]

  init(_ seed: OutputSeed) {
    let root = 196 * pow(2, seed.number(0, in: 0...1))
    notes = (0..<Self.noteCount).map { index in
      let step = Self.scale[Int(seed.number(1 + index, in: 0...7.99))]
      return root * pow(2, Double(step) / 12)
    }
  }

  var wav: [UInt8] {
    let size = UInt32(2 * Self.noteLength * notes.count)
    var file = Array("RIFF".utf8)
    file.append(littleEndian: 36 + size)
    file += Array("WAVEfmt ".utf8)
    file.append(littleEndian: UInt32(16))
    // PCM, one channel.
    for number: UInt16 in [1, 1] { file.append(littleEndian: number) }
    file.append(littleEndian: UInt32(Self.sampleRate))
    file.append(littleEndian: UInt32(2 * Self.sampleRate))
    // Bytes a frame, bits a sample.
    for number: UInt16 in [2, 16] { file.append(littleEndian: number) }
    file += Array("data".utf8)
    file.append(littleEndian: size)
    for note in notes {
      for sample in 0..<Self.noteLength {
        let time = Double(sample) / Double(Self.sampleRate)
        // A soft start and a decay, as of a plucked string.
        let loudness = min(1, time * 200) * exp(-5 * time)
        let tone = sin(2 * .pi * note * time) + 0.4 * sin(4 * .pi * note * time)
        file.append(littleEndian: UInt16(bitPattern: Int16(tone * loudness * 16_000)))
      }
    }
    return file
  }
}
