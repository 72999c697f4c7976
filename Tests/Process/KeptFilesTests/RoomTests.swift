import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// File systems without room, which files must not take from the database.
  @Suite(.enabled(if: Sandbox.canMount, "unshare(1) may not mount a tmpfs here"))
  struct RoomTests {
    /// Database, spool and kept files on a file system of their own, in the daemon's namespace.
    private static func keeper() throws -> Keeper {
      let script = """
        mkdir small && mount -t tmpfs -o size=1200m none small && cd small && exec "$0" "$@"
        """
      return try Keeper(
        ["ARCHIVE": "file:{folder}/small/files"],
        wrapper: ["/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script])
    }

    private static func resize(_ keeper: Keeper, _ size: String) throws {
      let result = try Program.run(
        [
          "--target", "\(keeper.daemon.process.processIdentifier)", "--user", "--mount",
          "--preserve-credentials", "/bin/mount", "-o", "remount,size=\(size)",
          "\(keeper.folder.url.path)/small",
        ], executable: "/usr/bin/nsenter")
      guard result.status == 0 else { throw Unusable("no resize: \(result.error)") }
    }

    private static func usedBytes(_ keeper: Keeper) throws -> UInt {
      let pid = keeper.daemon.process.processIdentifier
      var status = statvfs()
      guard statvfs("/proc/\(pid)/root\(keeper.folder.url.path)/small", &status) == 0 else {
        throw Unusable("no file system")
      }
      return (status.f_blocks - status.f_bfree) * status.f_frsize
    }

    /// The spool, through the namespace.
    private static func spool(_ keeper: Keeper) -> [String] {
      let pid = keeper.daemon.process.processIdentifier
      let path = "/proc/\(pid)/root\(keeper.folder.url.path)/small/spool"
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      return names.filter { $0.first?.isNumber == true }
    }

    @Test func `files wait for room, and webhooks are recorded meanwhile`() throws {
      let keeper = try Self.keeper()
      let first = keeper.origin.serve("/first.png", Keeper.bytes(10_000))
      try keeper.end("first", output: first)
      try keeper.await("first")
      // Less than the GiB that stays free.
      try Self.resize(keeper, "1000m")
      let known = Keeper.bytes(20_000, seed: 1)
      try keeper.end("known", output: keeper.origin.serve("/known.png", known))
      let file = try keeper.awaitFile("known", 0, "no room") { $0.code == "store_full" }
      #expect(file.state == "waiting" && Self.spool(keeper).isEmpty)
      for index in 0..<20 { try keeper.end("text\(index)", output: "a text") }
      #expect(try keeper.job("text19").state == "succeeded")
      #expect(try keeper.daemon.fetch("/readyz").status == 200)
      #expect(try keeper.fetch("first").body == Keeper.bytes(10_000))
      try Self.resize(keeper, "1200m")
      try keeper.await("known", seconds: 40)
      try keeper.expectFile("known", is: known)
    }

    /// Its length is not known before its end, so room is checked every 8 MiB.
    @Test func `a download stops when the room goes, and gives its part back`() throws {
      let keeper = try Self.keeper()
      let gate = Gate()
      let bytes = Keeper.bytes(20 << 20)
      let url = keeper.origin.serve("/a.bin") { _, number in
        var answer = FileServer.Answer(200, [], unframed: bytes)
        if number == 0 { answer.pause = (4 << 20, { gate.pass() }) }
        return answer
      }
      try keeper.end("p1", output: url)
      try wait("a part") { Self.spool(keeper).contains { $0.hasSuffix(".part") } }
      try Self.resize(keeper, "1000m")
      gate.open()
      try keeper.awaitFile("p1", 0, "no room") { $0.code == "store_full" }
      #expect(Self.spool(keeper).isEmpty)
      try keeper.end("text", output: "a text")
      #expect(try keeper.job("text").state == "succeeded")
      try Self.resize(keeper, "1200m")
      try keeper.await("p1", seconds: 40)
      try keeper.expectFile("p1", is: bytes)
    }

    @Test func `a disk that is full for the database loses no delivery and no file`() throws {
      let keeper = try Self.keeper()
      try keeper.end("before", output: keeper.origin.serve("/a.png", [1]))
      try keeper.await("before")
      // No page of the database fits any more.
      try wait("a full disk") {
        (try? Self.resize(keeper, "\(try Self.usedBytes(keeper))")) != nil
      }
      let url = keeper.origin.serve("/b.png", [2, 3])
      let delivery = try Keeper.delivery("p1", url)
      try wait("the refusal") { try keeper.daemon.post(delivery).status == 503 }
      try Self.resize(keeper, "1200m")
      try wait("room") { try keeper.daemon.fetch("/readyz").status == 200 }
      #expect(try keeper.daemon.post(delivery).status == 200)
      try keeper.await("p1", seconds: 40)
      try keeper.expectFile("p1", is: [2, 3])
      try keeper.expectFile("before", is: [1])
    }
  }
}
