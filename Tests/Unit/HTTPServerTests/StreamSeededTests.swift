import EventLoop
import HTTPServer
import Simulation
import Testing
@testable import Time

/// Streams among other requests on a seeded kernel that splits, delays and breaks transfers.
///
/// A seed that fails here deserves a test of its own.
@Suite struct StreamSeededTests {
  /// One client: its requests, pipelined, and what must return in order.
  private struct Script {
    var bytes: [UInt8] = []
    var contents: [[UInt8]] = []

    init(random: inout SeededGenerator) {
      for _ in 0..<Int.random(in: 1...5, using: &random) { addRequest(&random) }
    }

    private mutating func addRequest(_ random: inout SeededGenerator) {
      let size = Int.random(in: 0...(random.happens(onceIn: 3) ? 300_000 : 300), using: &random)
      let letter = UInt8.random(in: 0x61...0x7A, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        bytes += Array("GET /stream/bytes/\(size) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        contents.append(Array(repeating: 0x78, count: size))
      case 1:
        bytes += Array("POST /stream/count HTTP/1.1\r\nHost: a\r\n".utf8)
        bytes += Self.body(Array(repeating: letter, count: size), &random)
        contents.append(Array("\(size)".utf8))
      default:
        let body = Array(repeating: letter, count: min(size, 10_000))
        bytes += Array("POST /1 HTTP/1.1\r\nHost: a\r\n".utf8) + Self.body(body, &random)
        contents.append(body)
      }
    }

    /// With its field.
    static func body(_ content: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
      guard random.happens(onceIn: 2) else {
        return Array("Content-Length: \(content.count)\r\n\r\n".utf8) + content
      }
      var (bytes, rest) = (Array("Transfer-Encoding: chunked\r\n\r\n".utf8), content[...])
      while !rest.isEmpty {
        let chunk = rest.prefix(Int.random(in: 1...rest.count, using: &random))
        bytes += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
        rest = rest.dropFirst(chunk.count)
      }
      return bytes + Array("0\r\n\r\n".utf8)
    }
  }

  /// Sends `bytes` in random pieces, with pauses shorter than any timeout.
  private func dripFeed(
    _ bytes: [UInt8], from peer: SimulatedPeer, in simulated: SimulatedServer, random: inout SeededGenerator
  ) {
    var (start, delay) = (0, 0)
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...(bytes.count / 4 + 2), using: &random))
      let piece = Array(bytes[start..<end])
      delay += Int.random(in: 0...200, using: &random)
      simulated.kernel.after(.milliseconds(delay)) { [kernel = simulated.kernel] in
        kernel.send(piece, from: peer)
      }
      start = end
    }
  }

  /// The peer's buffer is emptied now and then.
  private func read(_ peer: SimulatedPeer, in simulated: SimulatedServer, random: inout SeededGenerator) {
    for second in 0..<100 {
      let count = Int.random(in: 10_000...40_000, using: &random)
      simulated.kernel.after(.milliseconds(second * 500)) { [kernel = simulated.kernel] in
        kernel.read(count, by: peer)
      }
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func everyRequestIsAnsweredOnceAndInOrder(_ seed: UInt64) throws {
    let simulated = try SimulatedServer(seed: seed)
    var random = SeededGenerator(seed: seed ^ 0x57EA)
    var clients: [(peer: SimulatedPeer, script: Script)] = []
    for _ in 0..<5 {
      let script = Script(random: &random)
      let isSlow = random.happens(onceIn: 2)
      let peer = simulated.kernel.connect(room: isSlow ? 5000 : .max)
      dripFeed(script.bytes, from: peer, in: simulated, random: &random)
      if isSlow { read(peer, in: simulated, random: &random) }
      clients.append((peer, script))
    }
    simulated.settle()
    for (peer, script) in clients {
      #expect(Self.contents(of: peer.received) == script.contents, "seed \(seed)")
    }
    #expect(simulated.streams.open == 0 && simulated.streams.failures.isEmpty, "seed \(seed)")
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0, "seed \(seed)")
  }

  /// The contents of all responses, whole or chunked; nil where one is malformed.
  private static func contents(of received: [UInt8]) -> [[UInt8]]? {
    var (contents, rest): ([[UInt8]], ArraySlice<UInt8>) = ([], received[...])
    while !rest.isEmpty {
      guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
      let head = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
      rest = rest[end.upperBound...]
      if head.contains("Transfer-Encoding: chunked") {
        let chunks = ChunkedText(rest)
        guard let following = chunks.rest else { return nil }
        contents.append(chunks.content)
        rest = following[...]
      } else {
        let length = head.split(separator: "Content-Length: ").last.flatMap { Int($0.prefix { $0.isNumber }) }
        guard let length, length <= rest.count else { return nil }
        contents.append(Array(rest.prefix(length)))
        rest = rest.dropFirst(length)
      }
    }
    return contents
  }

  /// Streams that wait, upload, download or do nothing, whose peers leave, stall, or are evicted.
  ///
  /// Whatever happens, nothing is left behind, and the counts agree.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func brokenStreamsLeaveNothingBehind(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed ^ 0xB07)
    var limits = ServerLimits()
    limits.maxConnections = Int.random(in: 4...20, using: &random)
    limits.maxStreams = limits.maxConnections / 2
    if random.happens(onceIn: 3) { limits.maxBytesInFlight = 200_000 }
    let simulated = try SimulatedServer(seed: seed, limits: limits)
    let kernel = simulated.kernel
    for _ in 0..<20 { startClient(in: simulated, random: &random) }
    for _ in 0..<30 {
      kernel.after(.milliseconds(Int.random(in: 0...3000, using: &random))) { [streams = simulated.streams] in
        streams.waiting.last?.signal()
      }
    }
    if random.happens(onceIn: 2) {
      kernel.after(.milliseconds(Int.random(in: 0...3000, using: &random))) { simulated.startDraining() }
    }
    var (mostOpen, turns) = (0, 0)
    while !kernel.isQuiet && turns < 100_000 {
      simulated.loop.turn()
      mostOpen = max(mostOpen, simulated.streams.open)
      turns += 1
    }
    #expect(mostOpen <= limits.maxStreams, "seed \(seed)")
    let started = kernel.monotonicTime
    simulated.end()
    // Slow peers that are no streams may take as long as the minimum rate allows.
    #expect(kernel.monotonicTime - started < .seconds(200), "seed \(seed)")
    #expect(simulated.streams.open == 0 && kernel.openDescriptors == 0, "seed \(seed)")
  }

  private func startClient(in simulated: SimulatedServer, random: inout SeededGenerator) {
    let kernel = simulated.kernel
    let start = Duration.milliseconds(Int.random(in: 0...2000, using: &random))
    let room = random.happens(onceIn: 3) ? Int.random(in: 0...100_000, using: &random) : .max
    let path =
      ["events", "poll", "bytes/500000", "declared/90000/90000", "count", "echo", "abandon", "stubborn"]
      .randomElement(using: &random) ?? "events"
    var bytes = Array("POST /stream/\(path) HTTP/1.1\r\nHost: a\r\n".utf8)
    let size = Int.random(in: 0...100_000, using: &random)
    bytes += Script.body(Array(repeating: 0x62, count: size), &random)
    bytes = Array(
      bytes.prefix(random.happens(onceIn: 2) ? .max : Int.random(in: 1...bytes.count, using: &random)))
    let end = Duration.milliseconds(Int.random(in: 0...3000, using: &random))
    let fate = Int.random(in: 0..<3, using: &random)
    kernel.after(start) {
      let peer = kernel.connect(room: room)
      kernel.send(bytes, from: peer)
      kernel.after(end) {
        switch fate {
        case 0: kernel.reset(peer)
        case 1: kernel.endSending(from: peer)
        default: break
        }
      }
    }
  }
}
