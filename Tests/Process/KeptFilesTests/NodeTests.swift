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
      // It counts as dead two minutes after it was last seen, and its duties end a minute after.
      try keeper.database?.run("UPDATE leases SET until = 0")
      try keeper.database?.run(
        "UPDATE archive_nodes SET seen_at = seen_at - 300000 WHERE node IN "
          + "(SELECT node FROM archive_files)")
      try wait("the file", seconds: 40) { try Self.job("p1", from: second).archive?.state == "complete" }
      #expect(keeper.origin.fetches.count == 2 && bucket.files.count == 1)
      #expect(try second.fetch("/jobs/p1/files/0").status == 302)
    }

    @Test func `a node whose folder is another one stores nothing, and logs why`() throws {
      let keeper = try Keeper(on: .postgresql)
      try keeper.end("p0", output: keeper.origin.serve("/0.png", [0]))
      try keeper.await("p0")
      let folder = try TemporaryFolder()
      let apart = try keeper.startNode(["ARCHIVE": "file:\(folder.url.path)/files"])
      try apart.waitForLog("another folder")
      try wait("the pause") { try apart.fetch("/archive").text.contains("store_misconfigured") }
      #expect(try !keeper.daemon.fetch("/archive").text.contains("store_misconfigured"))
      for index in 1..<9 {
        let delivery = try Keeper.delivery("p\(index)", keeper.origin.serve("/\(index).png", [UInt8(index)]))
        #expect(try apart.post(delivery).status == 200)
      }
      // All of them by the other.
      for index in 1..<9 {
        try keeper.await("p\(index)")
        try keeper.expectFile("p\(index)", is: [UInt8(index)])
      }
      #expect(keeper.keptFiles().count == 9)
    }
  }
}
