import FuzzTargets
import Simulation
import Testing

/// Splitting a stream must not change its parsing.
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

  /// The mutated corpus.
  ///
  /// Bytes are replaced, removed and repeated, and the result is split anywhere.
  @Test(arguments: streams, 1...2 as ClosedRange<UInt64>)
  func anySplitOfAMutatedStreamIsParsedAlike(_ file: CorpusFile, _ seed: UInt64) {
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
