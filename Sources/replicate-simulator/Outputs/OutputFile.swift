/// The kinds of files that models make.
enum FileKind: String, CaseIterable, Sendable {
  case image, mask, audio, video, svg, text
  /// Bytes of any number, without a meaning.
  case data
  /// What a training makes.
  case weights

  /// Kinds that a template may name.
  static let inTemplates = allCases.filter { $0 != .weights }
  static let namesInTemplates = inTemplates.map(\.rawValue).joined(separator: ", ")

  /// The name of the file that comes at `index` in its output.
  func fileName(_ index: Int) -> String {
    self == .weights ? "trained_model.tar" : "out-\(index).\(fileExtension)"
  }

  private var fileExtension: String {
    switch self {
    case .image, .mask: "png"
    case .audio: "wav"
    case .video: "mp4"
    case .svg: "svg"
    case .text: "txt"
    case .data: "bin"
    case .weights: "tar"
    }
  }

  var contentType: String {
    switch self {
    case .image, .mask: "image/png"
    case .audio: "audio/wav"
    case .video: "video/mp4"
    case .svg: "image/svg+xml"
    case .text: "text/plain; charset=utf-8"
    case .data: "application/octet-stream"
    case .weights: "application/x-tar"
    }
  }
}

/// A file of an output. It is made whenever it is read, and never kept.
struct OutputFile {
  let spec: FileSpec
  /// The file's number in its output.
  let index: Int
  /// The prediction's input, a validated object.
  let input: [UInt8]
  /// The seed where the input names none.
  let fallbackSeed: Int
  /// Another one for each prediction, and in each run.
  let owner: String

  private static let defaultSide = 512
  private static let sides = 64...1024

  var contentType: String { spec.contentType ?? spec.kind.contentType }

  var content: FileContent {
    if let text = spec.text { return .bytes(Array(text.utf8)) }
    guard spec.kind != .data else {
      // The prediction's own number counts even where its input has a seed: equal files would be stored once.
      return .filler(Filler(count: spec.byteCount, seed: "\(owner) \(index)"))
    }
    return .bytes(drawn)
  }

  private var drawn: [UInt8] {
    let seed = OutputSeed(input: input.span, fallback: fallbackSeed, index: index)
    switch spec.kind {
    case .data: return []
    case .image: return Landscape(seed).drawn(width: side("width"), height: side("height")).png
    case .mask: return Landscape(seed).mask(width: side("width"), height: side("height")).png
    case .audio: return Melody(seed).wav
    case .video: return Clip(seed).mp4
    case .svg: return Array(Landscape(seed).svg.utf8)
    case .text: return Array(text(seed).utf8)
    case .weights: return TarArchive(name: "weights.txt", content: Array(text(seed).utf8)).bytes
    }
  }

  private func side(_ name: String) -> Int {
    let number = InputMembers.wholeNumber(name, of: input) ?? Self.defaultSide
    return min(max(number, Self.sides.lowerBound), Self.sides.upperBound)
  }

  private func text(_ seed: OutputSeed) -> String {
    """
    \(seed.prompt)

    Made by replicate-simulator \(ReplicateSimulator.version) with the seed \(seed.seed).

    """
  }
}

/// An archive of one file (POSIX.1-1988 ustar).
struct TarArchive {
  /// ASCII, at most 100 bytes.
  let name: String
  let content: [UInt8]

  private static let blockSize = 512

  var bytes: [UInt8] {
    var header = [UInt8](repeating: 0, count: Self.blockSize)
    func put(_ text: String, at offset: Int) {
      header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
    }
    put(name, at: 0)
    put("0000644", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(Self.octal(content.count, digits: 11), at: 124)
    put(Self.octal(0, digits: 11), at: 136)
    put("0ustar\u{0}00", at: 156)
    // The sum counts its own field as spaces.
    put("        ", at: 148)
    put(Self.octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + "\u{0} ", at: 148)
    let padding = (Self.blockSize - content.count % Self.blockSize) % Self.blockSize
    // Two empty blocks end the archive.
    return header + content + [UInt8](repeating: 0, count: padding + 2 * Self.blockSize)
  }

  private static func octal(_ number: Int, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
