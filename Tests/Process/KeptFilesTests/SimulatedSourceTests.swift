import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// The simulator's files, from the creation of a job to its kept files.
  @Suite struct SimulatedSourceTests {
    private let keeper: Keeper
    private let simulator: LiveSimulator

    init() throws {
      let ports = try FreePorts.choose(2)
      simulator = try LiveSimulator(on: ports[0], ["--duration", "50ms"])
      keeper = try Keeper([
        "REPLICATE_API_URL": simulator.url, "PUBLIC_URL": "http://127.0.0.1:\(ports[1])",
        "WEBHOOK_LISTEN": "127.0.0.1:\(ports[1])",
      ])
    }

    private func submit(_ id: String, _ files: [[String: Any]], _ members: [String: Any] = [:]) throws {
      let input: [String: Any] = ["simulate": ["output": files, "duration_ms": 0]]
      let job: [String: Any] = ["id": id, "model": "demo/hello", "input": input].merging(members) { $1 }
      let body = String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
      let answer = try keeper.daemon.post(body)
      guard answer.status == 202 else { throw Unusable("no job was made: \(answer.text)") }
    }

    @Test func `pictures of a job are kept before it succeeds`() throws {
      try submit(
        "one", [["$file": "image"], ["$file": "data", "bytes": 2_000_000]], ["archive": "required"])
      try wait("the success") { try keeper.job("one").state == "succeeded" }
      let job = try keeper.job("one")
      #expect(job.archive?.state == "complete" && job.files?.map(\.type).first == "image/png")
      #expect(job.files?.last?.size == 2_000_000)
      let answer = try keeper.fetch("one", 0)
      #expect(answer.status == 200 && answer.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
      #expect(Keeper.digest(answer.body) == job.files?.first?.sha256)
      #expect(try keeper.fetch("one", 1).body.count == 2_000_000)
    }

    /// The names of the simulator's faults, and the code of the file's failure. Nil: it is kept.
    private static let faults: [(faults: [String], code: String?)] = [
      (["busy"], nil), (["missing"], nil), (["denied"], nil), (["refused"], nil), (["cut"], nil),
      (["cut", "no-range"], nil), (["cut", "no-etag"], nil), (["cut", "changing"], nil), (["chunked"], nil),
      (["redirect"], nil), (["redirect", "cut"], nil), (["redirects"], "redirect_refused"),
      (["redirect-away"], "redirect_refused"), (["gzip"], "mismatch"), (["checksum"], "mismatch"),
    ]

    @Test func `each fault of a source ends as it should`() throws {
      for (index, fault) in Self.faults.enumerated() {
        try submit("p\(index)", [["$file": "data", "bytes": 300_000, "fault": fault.faults]])
      }
      for (index, fault) in Self.faults.enumerated() {
        try wait("the end of p\(index)") { try keeper.job("p\(index)").archive?.state != nil }
        let job = try keeper.await("p\(index)", fault.code == nil ? "complete" : "failed", seconds: 30)
        let file = try #require(job.files?.first)
        #expect(file.code == fault.code, "\(fault.faults)")
        guard fault.code == nil else { continue }
        let answer = try keeper.fetch("p\(index)")
        #expect(answer.body.count == 300_000 && Keeper.digest(answer.body) == file.sha256, "\(fault.faults)")
      }
      try wait("an empty spool") { keeper.spooled().isEmpty }
    }

    @Test func `a file that is always too short is tried again`() throws {
      try submit("p1", [["$file": "data", "bytes": 1000, "fault": "short"]])
      try wait("the end") { try keeper.job("p1").archive != nil }
      let file = try keeper.awaitFile("p1", 0, "two tries") { $0.tries ?? 0 >= 2 }
      #expect(file.state == "waiting" && file.code == "source_busy")
    }
  }
}
