import BucketStub
import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

extension KeptFilesTests {
  /// Several daemons on one database.
  @Suite(.enabled(if: PostgreSQLServer.isAvailable)) struct NodeTests {
    private static func job(_ id: String, from node: Daemon) throws -> KeptJob {
      try KeptJob(try node.fetch("/jobs/\(id)").body)
    }

    @Test func `nodes share the work and a folder`() throws {
      let keeper = try Keeper(on: .postgresql)
      let second = try keeper.startNode()
      let files = (0..<12).map { Keeper.bytes(20_000, seed: UInt64($0)) }
      for (index, bytes) in files.enumerated() {
        let url = keeper.origin.serve("/\(index).png", bytes)
        let delivery = try Keeper.delivery("p\(index)", url)
        #expect(try (index % 2 == 0 ? keeper.daemon : second).post(delivery).status == 200)
      }
      for (index, bytes) in files.enumerated() {
        try keeper.await("p\(index)")
        try keeper.expectFile("p\(index)", is: bytes)
        let answer = try second.fetch("/jobs/p\(index)/files/0")
        #expect(answer.status == 200 && answer.body == bytes)
      }
      #expect(keeper.origin.fetches.count == files.count && keeper.keptFiles().count == files.count)
    }

    @Test func `the spool of another node is not served, and a dead node's files are fetched again`() throws {
      let bucket = try TestKey.stub()
      bucket.stop()
      let keeper = try Keeper(on: .postgresql, bucket: bucket)
      let bytes = Keeper.bytes(30_000)
      try keeper.end("p1", output: keeper.origin.serve("/a.png", bytes))
      try keeper.awaitFile("p1", 0, "fetched") { $0.state == "fetched" }
      let second = try keeper.startNode()
      #expect(try keeper.daemon.fetch("/jobs/p1/files/0").body == bytes)
      let elsewhere = try second.fetch("/jobs/p1/files/0")
      #expect(elsewhere.status == 409 && elsewhere.code == "not_stored_yet")
      keeper.daemon.killAtOnce()
      try bucket.restart()
      try wait("the file", seconds: 150) { try Self.job("p1", from: second).archive?.state == "complete" }
      #expect(keeper.origin.fetches.count == 2 && bucket.files.count == 1)
      #expect(try second.fetch("/jobs/p1/files/0").status == 302)
    }

    @Test func `a node whose folder is another one is refused`() throws {
      let keeper = try Keeper(on: .postgresql)
      let folder = try TemporaryFolder()
      var refusal = ""
      do {
        _ = try keeper.startNode(["ARCHIVE": "file:\(folder.url.path)/files"])
      } catch let error as Unusable {
        refusal = error.description
      }
      #expect(refusal.contains("ARCHIVE") && refusal.contains("the daemon ended"), "\(refusal)")
      // The first goes on.
      try keeper.end("p1", output: keeper.origin.serve("/a.png", [1]))
      try keeper.await("p1")
    }
  }
}
