import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// Jobs that succeed only once their files are kept.
  @Suite struct RequiredTests {
    @Test(arguments: StoreKind.available)
    func `a reader that sees the success finds the file`(_ kind: StoreKind) throws {
      let keeper = try Keeper(on: kind)
      let gate = Gate()
      let bytes = Keeper.bytes(200_000)
      let url = keeper.origin.serve("/a.png") { _, number in
        guard number > 0 else { return FileServer.Answer(503) }
        gate.pass()
        return FileServer.Answer(200, [], bytes)
      }
      let prediction = try keeper.create("one", ["archive": "required"])
      let stream = try HTTPConnection(host: "127.0.0.2", port: keeper.daemon.apiPort)
      try stream.send(Array("GET /jobs/one/events HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
      _ = try stream.receive(through: "\r\n\r\n")
      try keeper.end(prediction, output: url)
      try keeper.awaitFile("one", 0, "a failed try") { $0.tries ?? 0 > 0 }
      let held = try keeper.job("one")
      #expect(held.state == "running" && held.providerStatus == "succeeded")
      #expect(held.archive?.mode == "required" && held.archive?.state == "pending")
      let cancel = try keeper.daemon.post("", to: "/jobs/one/cancel")
      #expect(cancel.status == 409 && cancel.text.contains("file"), "\(cancel.text)")
      #expect(try keeper.daemon.fetch("/jobs/one").text.contains(#""output":"http:"#))
      try wait("the second try") { keeper.origin.fetches.count == 2 }
      #expect(try keeper.job("one").state == "running")
      gate.open()
      var states: [String] = []
      try wait("the end") {
        let state = try keeper.job("one").state
        if states.last != state { states.append(state) }
        return state == "succeeded"
      }
      // At once, without a further wait.
      try keeper.expectFile("one", is: bytes)
      #expect(states == ["running", "succeeded"] || states == ["succeeded"])
      let events = try stream.receive(through: #""state":"succeeded""#)
      let seen = events.components(separatedBy: #""state":""#).dropFirst().map {
        String($0.prefix { $0 != "\"" })
      }
      #expect(!seen.contains("failed") && seen.contains("running") && seen.last == "succeeded")
      let last = try #require(events.components(separatedBy: "data:").last)
      #expect(last.contains(#""state":"succeeded""#))
    }

    @Test func `an expired file fails the job, which shows its output`() throws {
      let keeper = try Keeper(["ARCHIVE_MODE": "required"])
      let there = keeper.origin.serve("/b.png", [1])
      try keeper.end("p1", output: ["\(keeper.origin.url)/gone.png", there], age: 7200)
      try wait("the end") { try keeper.job("p1").state != "running" }
      // The other file is kept all the same.
      let job = try keeper.await("p1", "partial")
      #expect(job.state == "failed" && job.error?.code == "archive_failed")
      #expect(job.providerStatus == "succeeded")
      #expect(job.files?.first?.code == "expired")
      try keeper.expectFile("p1", 1, is: [1])
      #expect(try keeper.daemon.fetch("/jobs/p1").text.contains(#""output":["http:"#))
    }

    @Test func `a job without files succeeds, and a failed one is not held`() throws {
      let keeper = try Keeper(["ARCHIVE_MODE": "required"])
      try keeper.end("text", output: "a text")
      try wait("the success") { try keeper.job("text").state == "succeeded" }
      let url = keeper.origin.serve("/a.png") { _, _ in FileServer.Answer(503) }
      try keeper.end("failed", output: url, status: "failed")
      #expect(try keeper.job("failed").state == "failed")
    }

    @Test(arguments: StoreKind.available)
    func `a held job is released by the next daemon`(_ kind: StoreKind) throws {
      let keeper = try Keeper(["ARCHIVE_MODE": "required"], on: kind)
      let gate = Gate()
      let url = keeper.origin.serve("/a.png") { _, number in
        if number == 0 { gate.pass() }
        return FileServer.Answer(200, [], [1, 2])
      }
      try keeper.end("p1", output: url)
      try wait("the fetch") { keeper.origin.fetches.count == 1 }
      #expect(try keeper.job("p1").state == "running")
      keeper.daemon.killAtOnce()
      gate.open()
      try keeper.start()
      try wait("the end") { try keeper.job("p1").state == "succeeded" }
      try keeper.expectFile("p1", is: [1, 2])
    }

    @Test func `a held job succeeds when nothing is kept any more`() throws {
      let keeper = try Keeper(["ARCHIVE_MODE": "required"])
      let url = keeper.origin.serve("/a.png") { _, _ in FileServer.Answer(503) }
      try keeper.end("p1", output: url)
      try keeper.awaitFile("p1", 0, "a failed try") { $0.tries ?? 0 > 0 }
      #expect(keeper.daemon.stop() == 0)
      try keeper.start(["ARCHIVE": "", "ARCHIVE_MODE": ""])
      try wait("the end") { try keeper.job("p1").state == "succeeded" }
    }

    @Test func `requests name the mode, and a wrong one is refused`() throws {
      let keeper = try Keeper()
      let url = keeper.origin.serve("/a.png", [1])
      try keeper.end(try keeper.create("off", ["archive": "off"]), output: url)
      try keeper.end(try keeper.create("best", ["archive": "best_effort"]), output: url)
      try keeper.await("best")
      #expect(try keeper.job("off").archive?.mode == "off")
      #expect(keeper.origin.fetches.count == 1)
      for value in [#""maybe""#, "true", "{}"] {
        let answer = try keeper.daemon.post(#"{"model":"owner/name","input":{},"archive":\#(value)}"#)
        #expect(answer.status == 422 && answer.text.contains("archive"), "\(answer.text)")
      }
    }

    @Test func `a request to keep files is refused without an archive`() throws {
      let keeper = try Keeper(["ARCHIVE": ""])
      for value in ["required", "best_effort"] {
        let answer = try keeper.daemon.post(#"{"model":"owner/name","input":{},"archive":"\#(value)"}"#)
        #expect(answer.status == 422 && answer.text.contains("keeps no files"), "\(answer.text)")
      }
      #expect(try keeper.daemon.post(#"{"model":"owner/name","input":{},"archive":"off"}"#).status == 202)
      try keeper.end("p1", output: keeper.origin.serve("/a.png", [1]))
      let job = try keeper.job("p1")
      #expect(job.state == "succeeded" && job.archive == nil && job.files == nil)
    }
  }
}
