import FuzzTargets
import Simulation
import Testing

/// How the network cuts a stream must not matter to what is read from it.
@Suite struct SplitTests {
  private static let streams = CorpusFile.all.filter { $0.target == .requests }

  @Test(arguments: streams, 1...2 as ClosedRange<UInt64>)
  func anySplitIsReadAlike(_ file: CorpusFile, _ seed: UInt64) throws {
    guard let choices = RequestsFuzzTarget.Choices(file.bytes) else { return }
    let stream = choices.stream
    let whole = try choices.read(stream, pieceEnds: [stream.count])
    var generator = SeededGenerator(seed: seed)
    for round in 0..<16 {
      let ends =
        (0..<Int.random(in: 0...8, using: &generator))
        .map { _ in Int.random(in: 0...stream.count, using: &generator) }.sorted() + [stream.count]
      #expect(throws: Never.self, "seed \(seed), round \(round), ends \(ends)") {
        try whole.requireSame(as: choices.read(stream, pieceEnds: ends))
      }
    }
  }

  /// The corpus, spoilt: bytes are replaced, removed and repeated, and the result is cut anywhere.
  @Test(arguments: streams, 1...2 as ClosedRange<UInt64>)
  func anySplitOfASpoiltStreamIsReadAlike(_ file: CorpusFile, _ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<16 {
      var bytes = file.bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let index = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
        case 1: bytes.remove(at: index)
        default: bytes.insert(contentsOf: bytes[index...].prefix(16), at: index)
        }
      }
      #expect(throws: Never.self, "seed \(seed), round \(round)") { try FuzzTarget.requests.run(bytes) }
    }
  }
}
