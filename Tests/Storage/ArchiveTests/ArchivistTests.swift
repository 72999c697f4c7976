import Downloads
import JobRequests
import KeptFiles
import Settings
import Testing
import Time

@testable import Archive

/// Decisions of the service that keeps files.
@Suite struct ArchivistTests {
  private let now = Timestamp(milliseconds: 10_000)

  private func file(_ n: Int64, dueAt: Int64 = 10_000) -> ArchivedFile {
    ArchivedFile(job: 1, n: n, at: "/output/\(n)", url: nil, dueAt: Timestamp(milliseconds: dueAt))
  }

  private func keys(_ count: Int) -> Set<SpoolKey> { Set((0..<count).map { SpoolKey(job: 2, index: $0) }) }

  @Test func `due files are stored where there is room`() {
    let files = [file(0), file(1, dueAt: 10_001), file(2), file(3), file(4), file(5)]
    #expect(Archivist.nextStores(of: files, beside: [], at: now).map(\.n) == [0, 2, 3, 4])
    #expect(Archivist.nextStores(of: files, beside: keys(3), at: now).map(\.n) == [0])
    #expect(
      Archivist.nextStores(of: files, beside: [SpoolKey(job: 1, index: 0)], at: now).map(\.n) == [2, 3, 4])
  }

  @Test(arguments: [4, 5, 8]) func `no file is stored beside more than there is room for`(_ count: Int) async
  {
    await #expect(processExitsWith: .success) { [count] in
      let files = [ArchivedFile(job: 1, n: 0, at: "/output", url: nil, dueAt: Timestamp(milliseconds: 0))]
      let storing = Set((0..<count).map { SpoolKey(job: 2, index: $0) })
      guard Archivist.nextStores(of: files, beside: storing, at: Timestamp(milliseconds: 1)).isEmpty else {
        preconditionFailure("it is stored")
      }
    }
  }
}
