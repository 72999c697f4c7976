import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// Sources that fail for a while, or for good.
  @Suite struct SourceTests {
    private static let hour: TimeInterval = 3600

    @Test func `no fetch has a token, though the API's calls have it`() throws {
      let keeper = try Keeper()
      let origin = keeper.origin
      let target = origin.serve("/target.png", [1, 2])
      let url = origin.serve("/a.png") { _, _ in
        FileServer.Answer(302, ["Location: \(target)", "Set-Cookie: a=b"])
      }
      try keeper.end(try keeper.create("one"), output: [url, target + "?2"])
      try keeper.awaitFile("one", 0, "stored") { $0.state == "stored" }
      #expect(origin.fetches.count >= 2)
      for request in origin.fetches {
        #expect(request.value(of: "authorization") == nil && request.value(of: "cookie") == nil)
        #expect(request.value(of: "accept-encoding") == "identity")
        #expect(request.value(of: "user-agent")?.hasPrefix("replicate-webhookd") == true)
      }
      #expect(origin.calls.first?.value(of: "authorization") == "Bearer r8_of_a_stand_in")
      #expect(!keeper.daemon.logAfterStop().contains("r8_of_a_stand_in"))
    }

    @Test func `a file of more than a GiB is refused by its length`() throws {
      let keeper = try Keeper()
      let url = keeper.origin.serve("/a.tar") { _, _ in
        FileServer.Answer(200, ["Content-Length: \((1 << 30) + 1)"], unframed: Keeper.bytes(100))
      }
      try keeper.end("p1", output: url)
      let job = try keeper.await("p1", "failed")
      #expect(job.files?.first?.code == "too_large")
      #expect(keeper.origin.fetches.count == 1 && keeper.spooled().isEmpty)
    }

    @Test func `a file that appears after its URL is kept`() throws {
      let keeper = try Keeper()
      let url = keeper.origin.serve("/a.png") { _, number in
        number < 2 ? FileServer.Answer(404) : FileServer.Answer(200, [], [7])
      }
      try keeper.end("p1", output: url)
      let waiting = try keeper.awaitFile("p1", 0, "a failed try") { $0.tries ?? 0 > 0 }
      #expect(waiting.state == "waiting" && waiting.code == "not_found" && waiting.nextTryAt != nil)
      let answer = try keeper.daemon.fetch("/jobs/p1/files/0")
      #expect(answer.status == 409 && answer.code == "not_stored_yet")
      #expect(answer.fields["retry-after"].flatMap { Int($0) } ?? 0 > 0)
      try keeper.await("p1")
      try keeper.expectFile("p1", is: [7])
      #expect(keeper.origin.fetches.count == 3)
      #expect(try keeper.job("p1").files?.first?.error == nil)
    }

    @Test(arguments: [404, 410, 403])
    func `a source that has expired is tried once`(_ status: Int) throws {
      let keeper = try Keeper()
      let gone = keeper.origin.serve("/a.png") { _, _ in FileServer.Answer(status) }
      let there = keeper.origin.serve("/b.png", [1])
      try keeper.end("p1", output: [gone, there], age: Self.hour + 1)
      let job = try keeper.await("p1", "partial")
      let file = try #require(job.files?.first)
      #expect(file.state == "failed" && file.code == (status == 403 ? "denied" : "expired"))
      #expect(keeper.origin.fetches(of: "/a.png").count == 1)
      // It is never too late for the first try.
      try keeper.expectFile("p1", 1, is: [1])
      #expect(try keeper.daemon.fetch("/jobs/p1/files/0").status == 410)
    }

    @Test(arguments: StoreKind.available)
    func `after hours without a daemon each file is tried once`(_ kind: StoreKind) throws {
      let keeper = try Keeper(on: kind)
      let gate = Gate()
      let isBack = Guarded(false)
      let later: [(path: String, answer: FileServer.Answer, code: String?)] = [
        ("/kept.png", FileServer.Answer(200, [], [1]), nil), ("/gone.png", FileServer.Answer(404), "expired"),
        ("/denied.png", FileServer.Answer(403), "denied"),
        ("/busy.png", FileServer.Answer(503), "source_busy"),
      ]
      let seen = Guarded<[String]>([])
      for (path, answer, _) in later {
        keeper.origin.serve(path) { _, _ in
          guard isBack.withLock({ $0 }) else {
            gate.pass()
            return FileServer.Answer(503)
          }
          seen.withLock { $0.append(path) }
          return answer
        }
      }
      // Two jobs, because two files of one are fetched at once. Their hour and its ten minutes end in 3 s.
      let age = Self.hour + 600 - 3
      let end = Date(timeIntervalSinceNow: 3)
      try keeper.end("p0", output: later[0...1].map { keeper.origin.url + $0.path }, age: age)
      try keeper.end("p1", output: later[2...3].map { keeper.origin.url + $0.path }, age: age)
      try wait("all fetches") { keeper.origin.fetches.count == 4 }
      keeper.daemon.killAtOnce()
      isBack.withLock { $0 = true }
      gate.open()
      try wait("the end of the sources") { Date() > end }
      try keeper.start()
      try keeper.await("p0", "partial")
      try keeper.await("p1", "failed")
      let files = try (keeper.job("p0").files ?? []) + (keeper.job("p1").files ?? [])
      #expect(files.map(\.code) == later.map(\.code))
      #expect(files.map(\.state) == ["stored", "failed", "failed", "failed"])
      #expect(seen.withLock { $0 }.sorted() == later.map(\.path).sorted())
      try keeper.expectFile("p0", 0, is: [1])
    }

    @Test func `the pause that a busy source requests is kept`() throws {
      let keeper = try Keeper()
      let times = Guarded<[ContinuousClock.Instant]>([])
      let url = keeper.origin.serve("/a.png") { _, number in
        times.withLock { $0.append(.now) }
        return number == 0 ? FileServer.Answer(503, ["Retry-After: 3"]) : FileServer.Answer(200, [], [1])
      }
      try keeper.end("p1", output: url)
      let waiting = try keeper.awaitFile("p1", 0, "a failed try") { $0.tries == 1 }
      #expect(waiting.code == "source_busy" && waiting.error?.message?.contains("503") == true)
      try keeper.await("p1")
      let seen = times.withLock { $0 }
      #expect(seen.count == 2 && seen[1] - seen[0] >= .milliseconds(2900))
    }

    /// What a kill leaves of a large file is continued, not fetched again.
    @Test func `a file is fetched to its end by the next daemon`() throws {
      let keeper = try Keeper()
      let (gate, half) = (Gate(), 9 << 20)
      let bytes = Keeper.bytes(2 * half)
      let url = keeper.origin.serve("/a.png") { request, number in
        var answer = FileServer.Answer(ranged: bytes, for: request, ["ETag: \"one\""])
        if number == 0 { answer.pause = (half, { gate.pass() }) }
        return answer
      }
      try keeper.end("p1", output: url)
      let part = "\(keeper.folder.url.path)/spool"
      try wait("half a file") {
        let names = keeper.spooled().filter { $0.hasSuffix(".part") }
        let sizes = names.map { name in
          (try? FileManager.default.attributesOfItem(atPath: "\(part)/\(name)"))?[.size] as? Int ?? 0
        }
        return sizes == [half]
      }
      keeper.daemon.killAtOnce()
      gate.open()
      try keeper.start()
      try keeper.await("p1")
      try keeper.expectFile("p1", is: bytes)
      let second = try #require(keeper.origin.fetches(of: "/a.png").last)
      #expect(second.value(of: "range") == "bytes=\(half)-" && second.value(of: "if-range") == "\"one\"")
      #expect(keeper.origin.fetches.count == 2)
      try wait("an empty spool") { keeper.spooled().isEmpty }
    }
  }
}
