import FuzzTargets
import Testing

/// Runs the fuzz targets on the kept corpus.
@Suite struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func everyTargetHasACorpus(_ target: FuzzTarget) {
    #expect(CorpusFile.all.filter { $0.target == target }.count >= 20)
  }

  @Test func theCorporaAreSmall() {
    #expect(CorpusFile.all.map(\.bytes.count).reduce(0, +) < 300_000)
  }

  @Test(arguments: CorpusFile.all)
  func everyInputKeepsTheRules(_ file: CorpusFile) {
    #expect(throws: Never.self) { try file.target.run(file.bytes) }
  }

  /// All prefixes of short inputs. For long inputs as many, evenly spaced, and those that lack only the last
  /// bytes.
  @Test(arguments: CorpusFile.all)
  func everyTruncationKeepsTheRules(_ file: CorpusFile) {
    let count = file.bytes.count
    let spread = stride(from: 0, to: count, by: max(1, count / 256))
    for length in Set(spread).union(max(0, count - 32)..<count) {
      #expect(throws: Never.self, "\(length) bytes") { try file.target.run(Array(file.bytes.prefix(length))) }
    }
  }

  @Test(arguments: CorpusFile.all.filter(\.isThoughtOf))
  func theCostIsLinear(_ file: CorpusFile) {
    #expect(throws: Never.self) { try file.target.checkGrowth(of: file.bytes) }
  }
}
