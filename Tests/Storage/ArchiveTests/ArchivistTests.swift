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

  // MARK: Folders

  @Test func `a daemon that finds another folder announced does not announce its own`() {
    #expect(Archivist.isApart(missing: ["b"], node: "a", isAnnounced: false))
    #expect(Archivist.isApart(missing: ["a"], node: "b", isAnnounced: false))
    #expect(!Archivist.isApart(missing: [], node: "b", isAnnounced: false))
  }

  @Test func `of two daemons that have announced different folders, one goes on`() {
    #expect(!Archivist.isApart(missing: ["b"], node: "a", isAnnounced: true))
    #expect(Archivist.isApart(missing: ["a"], node: "b", isAnnounced: true))
    // Its own file is gone, so its folder is another one.
    #expect(Archivist.isApart(missing: ["a", "b"], node: "a", isAnnounced: true))
  }

  // MARK: Cancellations

  @Test func `a cancellation lasts as long as the job's transfers`() throws {
    let others = [SettingVariable("REPLICATE_API_URL"), SettingVariable("DATABASE_URL", isSecret: true)]
    var reader = SettingsReader(variables: Archive.settings + others, environment: [:]) { _ in nil }
    let runtime = ArchiveRuntime(try reader.read { ArchiveSettings(from: &$0) })
    runtime.cancelTransfers(ofJob: 1)
    runtime.cancelTransfers(ofJob: 2)
    runtime.endCancellations(except: [1])
    #expect(runtime.isCanceled(SpoolKey(job: 1, index: 0)))
    #expect(!runtime.isCanceled(SpoolKey(job: 2, index: 0)))
    runtime.endCancellation(ofJob: 1)
    #expect(!runtime.isCanceled(SpoolKey(job: 1, index: 0)))
  }
}
