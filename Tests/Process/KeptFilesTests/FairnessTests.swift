import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// The order in which files are fetched.
  @Suite struct FairnessTests {
    @Test func `a job of a thousand files does not starve another`() throws {
      let keeper = try Keeper()
      let gate = Gate()
      let urls = (0..<1000).map { index in
        keeper.origin.serve("/large/\(index)") { _, _ in
          gate.pass()
          return FileServer.Answer(200, [], [UInt8(index & 0xFF), UInt8(index >> 8)])
        }
      }
      try keeper.end("large", output: urls)
      try wait("all transfers") { keeper.origin.fetches.count == 4 }
      try keeper.end("small", output: keeper.origin.serve("/small.png", [1]))
      gate.open()
      try keeper.await("small")
      let order = keeper.origin.fetches.map(\.target)
      let position = try #require(order.firstIndex(of: "/small.png"))
      #expect(position <= 24, "after \(position) files of another job")
      #expect(try keeper.job("large").archive?.state == "pending")
      let large = try keeper.await("large", seconds: 60)
      #expect(large.archive?.stored == 1000 && large.files?.count == 1000)
      #expect(keeper.origin.fetches.count == 1001)
    }

    @Test func `at most two files of a job are fetched at once while others wait`() throws {
      let keeper = try Keeper()
      let (first, second) = (Gate(), Gate())
      func urls(_ job: String, _ count: Int, _ gate: Gate) -> [String] {
        (0..<count).map { index in
          keeper.origin.serve("/\(job)/\(index)") { _, _ in
            gate.pass()
            return FileServer.Answer(200, [], [1])
          }
        }
      }
      // They keep all transfers busy until the two jobs are queued.
      try keeper.end("blocker", output: urls("blocker", 4, first))
      try wait("all transfers") { keeper.origin.fetches.count == 4 }
      try keeper.end("a", output: urls("a", 4, second))
      try keeper.end("b", output: urls("b", 4, second))
      first.open()
      try wait("the transfers of both") { keeper.origin.fetches.count == 8 }
      let targets = keeper.origin.fetches.map(\.target).suffix(4).sorted()
      #expect(targets == ["/a/0", "/a/1", "/b/0", "/b/1"])
      second.open()
      try keeper.await("a")
      try keeper.await("b")
    }

    private static let jobs =
      ProcessInfo.processInfo.environment["ARCHIVE_JOBS"].flatMap { Int($0) } ?? 1500

    @Test func `the file that expires first is fetched first`() throws {
      let keeper = try Keeper()
      let gate = Gate()
      // They keep all transfers busy while the others are queued.
      for index in 0..<4 {
        let url = keeper.origin.serve("/blocker/\(index)") { _, _ in
          gate.pass()
          return FileServer.Answer(200, [], [1])
        }
        try keeper.end("blocker\(index)", output: url, age: 3500)
      }
      try wait("all transfers") { keeper.origin.fetches.count == 4 }
      var random = SystemRandomNumberGenerator()
      let order = (0..<Self.jobs).shuffled(using: &random)
      let failures = Guarded<[String]>([])
      let port = keeper.daemon.webhookPort
      // Job 0 ended first, and 2 s lie between two ends.
      let deliveries = try order.map { number in
        let url = keeper.origin.serve("/\(number)", [UInt8(number & 0xFF), UInt8(number >> 8)])
        return try Keeper.delivery(
          "p\(number)", url, "succeeded", Double(Self.jobs - number) * 3000 / Double(Self.jobs))
      }
      DispatchQueue.concurrentPerform(iterations: 8) { lane in
        do {
          let connection = try HTTPConnection(host: "127.0.0.1", port: port)
          for index in stride(from: lane, to: deliveries.count, by: 8) {
            try connection.send(deliveries[index].request)
            let answer = try connection.receive()
            if answer.status != 200 { failures.withLock { $0.append(answer.text) } }
          }
        } catch {
          failures.withLock { $0.append("\(error)") }
        }
      }
      try #require(failures.withLock { $0 } == [])
      #expect(keeper.origin.fetches.count == 4)
      gate.open()
      let sample = min(200, Self.jobs)
      try wait("\(sample) fetches", seconds: 60) { keeper.origin.fetches.count >= 4 + sample }
      keeper.daemon.killAtOnce()
      let fetched = keeper.origin.fetches.dropFirst(4).prefix(sample).compactMap {
        Int($0.target.dropFirst())
      }
      // Transfers beside each other may change places, by no more than their number.
      let worst = fetched.enumerated().map { abs($1 - $0) }.max() ?? 0
      #expect(fetched.count == sample && worst <= 16, "\(fetched.prefix(40))")
    }
  }
}
