import BucketStub
import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// Files that several jobs have, and their removal.
  @Suite struct ReferenceTests {
    /// A folder or a bucket, seen from outside.
    private static func keptCount(_ keeper: Keeper, _ bucket: BucketStub?) -> Int {
      bucket?.files.count ?? keeper.keptFiles().count
    }

    @Test(arguments: StoreKind.available, [false, true])
    func `equal bytes are stored once, and go with the last job`(_ kind: StoreKind, _ isInBucket: Bool) throws
    {
      let bucket = isInBucket ? try TestKey.stub() : nil
      let keeper = try Keeper(on: kind, bucket: bucket)
      let bytes = Keeper.bytes(50_000)
      for index in 0..<3 {
        try keeper.end("p\(index)", output: keeper.origin.serve("/\(index).png", bytes))
      }
      try keeper.end("other", output: keeper.origin.serve("/other.png", [1]))
      for id in ["p0", "p1", "p2", "other"] { try keeper.await(id) }
      #expect(Self.keptCount(keeper, bucket) == 2)
      #expect(Set(try (0..<3).map { try keeper.job("p\($0)").files?.first?.sha256 }).count == 1)
      #expect(try keeper.daemon.fetch("/jobs/p0", method: "DELETE").status == 204)
      #expect(try keeper.daemon.fetch("/jobs/p0/files/0").status == 404)
      #expect(try keeper.daemon.fetch("/jobs/p1/files", method: "DELETE").status == 204)
      let deleted = try keeper.await("p1", "deleted")
      #expect(deleted.files?.first?.state == "deleted")
      #expect(try keeper.daemon.fetch("/jobs/p1/files/0").status == 410)
      // Files are removed in the order of their deletion: after this one the others would be gone.
      #expect(try keeper.daemon.fetch("/jobs/other", method: "DELETE").status == 204)
      try wait("the removal of the other file") { Self.keptCount(keeper, bucket) < 2 }
      #expect(Self.keptCount(keeper, bucket) == 1)
      try keeper.expectFile("p2", is: bytes)
      #expect(try keeper.daemon.fetch("/jobs/p2", method: "DELETE").status == 204)
      try wait("no kept file") { Self.keptCount(keeper, bucket) == 0 }
      // Nothing else is left either: no list of a job, no part.
      if let bucket { try wait("an empty bucket") { bucket.objects.isEmpty } }
      #expect(keeper.spooled().isEmpty)
      // The same bytes can be stored again.
      try keeper.end("p3", output: keeper.origin.serve("/3.png", bytes))
      try keeper.await("p3")
      try keeper.expectFile("p3", is: bytes)
    }

    /// A slow DELETE widens the moment in which both could meet.
    @Test(arguments: StoreKind.available, [false, true])
    func `a file that is removed and kept again at once is there`(_ kind: StoreKind, _ isInBucket: Bool)
      throws
    {
      let bucket = isInBucket ? try TestKey.stub() : nil
      let keeper = try Keeper(on: kind, bucket: bucket)
      let bytes = Keeper.bytes(3000)
      let url = keeper.origin.serve("/a.png", bytes)
      try keeper.end("p0", output: url)
      try keeper.await("p0")
      for round in 1...6 {
        if round % 2 == 0 { bucket?.inject([.delay(0.3)], on: "DELETE") }
        let isFirst = round % 3 == 0
        if isFirst { try keeper.end("p\(round)", output: url) }
        #expect(try keeper.daemon.fetch("/jobs/p\(round - 1)/files", method: "DELETE").status == 204)
        if !isFirst { try keeper.end("p\(round)", output: url) }
        try keeper.await("p\(round)")
        try keeper.await("p\(round - 1)", "deleted")
        try keeper.expectFile("p\(round)", is: bytes)
        #expect(Self.keptCount(keeper, bucket) == 1, "round \(round)")
      }
      #expect(try keeper.daemon.fetch("/jobs/p6", method: "DELETE").status == 204)
      try wait("no kept file") { Self.keptCount(keeper, bucket) == 0 }
    }

    @Test func `files are removed after their retention, and their job stays`() throws {
      let keeper = try Keeper(["ARCHIVE_RETENTION": "2s"])
      try keeper.end("p1", output: keeper.origin.serve("/a.png", Keeper.bytes(1000)))
      try keeper.await("p1")
      #expect(keeper.keptFiles().count == 1)
      let job = try keeper.await("p1", "deleted", seconds: 30)
      #expect(job.state == "succeeded" && job.files?.first?.state == "deleted")
      try wait("no kept file") { keeper.keptFiles().isEmpty }
      #expect(try keeper.daemon.fetch("/jobs/p1/files/0").status == 410)
    }

    @Test func `a transfer ends when its files are deleted`() throws {
      let keeper = try Keeper()
      let gate = Gate()
      let url = keeper.origin.serve("/a.png") { _, _ in
        var answer = FileServer.Answer(200, [], Keeper.bytes(1 << 20))
        answer.pause = (1 << 19, { gate.pass() })
        return answer
      }
      try keeper.end("p1", output: [url, keeper.origin.serve("/b.png") { _, _ in FileServer.Answer(503) }])
      try wait("a part") { keeper.spooled().contains { $0.hasSuffix(".part") } }
      #expect(try keeper.daemon.fetch("/jobs/p1/files", method: "DELETE").status == 204)
      let job = try keeper.await("p1", "deleted")
      #expect(job.files?.allSatisfy { $0.state == "deleted" || $0.code == "canceled" } == true)
      gate.open()
      try wait("an empty spool") { keeper.spooled().isEmpty }
      let tries = keeper.origin.fetches.count
      // Another file passes meanwhile, so a new try of the deleted ones would have been seen.
      try keeper.end("p2", output: keeper.origin.serve("/c.png", [1]))
      try keeper.await("p2")
      #expect(keeper.origin.fetches.count == tries + 1 && keeper.keptFiles().count == 1)
    }
  }
}
