import Testing
import Time

@testable import KeptFiles

/// The search for the file of a URL.
@Suite struct FileSearchTests {
  private static let count: Int64 = 1000

  private static func file(_ n: Int64) -> ArchivedFile {
    ArchivedFile(job: 1, n: n, at: "/output/\(n)", url: "\(n)", dueAt: Timestamp(milliseconds: 0))
  }

  @Test func `the files of a whole output are found with a read each`() {
    var (reads, next) = (0, Int64(0))
    for n in 0..<Self.count {
      let found = ArchivedFile.find("\(n)", among: Self.count, from: next) { position in
        reads += 1
        return Self.file(position)
      }
      #expect(found?.n == n)
      next = n + 1
    }
    #expect(reads == 1000)
  }

  @Test(arguments: [(3, 700), (700, 3), (999, 1000), (0, 1000)] as [(Int64, Int64)])
  func `a file is found from any position`(_ n: Int64, _ start: Int64) {
    #expect(ArchivedFile.find("\(n)", among: Self.count, from: start) { Self.file($0) }?.n == n)
  }

  @Test(arguments: [0, 1, 1000] as [Int64]) func `a URL that no file has is not found`(_ count: Int64) {
    #expect(ArchivedFile.find("none", among: count, from: 5) { Self.file($0) } == nil)
  }
}
