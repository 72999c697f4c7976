import EventLoop
import HTTPServer
import Simulation
import Testing
@testable import Time

/// Many senders on a seeded kernel that splits, delays and breaks transfers.
///
/// A seed that fails here deserves a test of its own.
@Suite struct SeededTests {
  /// One sender's requests, and the bodies that must return in order.
  private struct Script {
    var bytes: [UInt8] = []
    var bodies: [[UInt8]] = []

    init(random: inout SeededGenerator) {
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let size = Int.random(in: 0...(random.happens(onceIn: 4) ? 20_000 : 300), using: &random)
        let body = Array(repeating: UInt8.random(in: 0x61...0x7A, using: &random), count: size)
        bodies.append(body)
        let path = Int.random(in: 0...3, using: &random)
        bytes += Array("POST /\(path) HTTP/1.1\r\nHost: a\r\n".utf8)
        if random.happens(onceIn: 3) {
          bytes += Array("Transfer-Encoding: chunked\r\n\r\n".utf8) + Self.chunked(body, random: &random)
        } else {
          bytes += Array("Content-Length: \(size)\r\n\r\n".utf8) + body
        }
      }
    }

    private static func chunked(_ body: [UInt8], random: inout SeededGenerator) -> [UInt8] {
      var (bytes, rest): ([UInt8], ArraySlice<UInt8>) = ([], body[...])
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

  @Test(arguments: 0..<60 as Range<UInt64>)
  func everyRequestIsAnsweredOnceAndInOrder(_ seed: UInt64) throws {
    let simulated = try SimulatedServer(seed: seed)
    var random = SeededGenerator(seed: seed ^ 0xABCD)
    var senders: [(peer: SimulatedPeer, script: Script)] = []
    for _ in 0..<6 {
      let script = Script(random: &random)
      let peer = simulated.kernel.connect()
      dripFeed(script.bytes, from: peer, in: simulated, random: &random)
      senders.append((peer, script))
    }
    simulated.settle()
    for (peer, script) in senders {
      let expected = script.bodies.map { body in
        "Content-Length: \(body.count)\r\n\r\n" + String(decoding: body, as: UTF8.self)
      }
      let answers = peer.text.components(from: "HTTP/1.1 200 OK\r\n")
      #expect(answers.count == expected.count, "seed \(seed)")
      for (answer, body) in zip(answers, expected) { #expect(answer.hasSuffix(body), "seed \(seed)") }
    }
    simulated.end()
    #expect(simulated.kernel.openDescriptors == 0, "seed \(seed)")
  }

  /// The connections of broken peers are cleaned up within the timeouts.
  ///
  /// They stall, reset or close halfway.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func brokenPeersLeaveNothingBehind(_ seed: UInt64) throws {
    var faults = SimulatedKernel.Faults()
    faults.acceptAborts = 8
    faults.acceptExhausted = 5
    let simulated = try SimulatedServer(seed: seed, faults: faults)
    var random = SeededGenerator(seed: seed ^ 0x1234)
    let kernel = simulated.kernel
    let started = kernel.monotonicTime
    for _ in 0..<10 {
      let script = Script(random: &random)
      let peer = kernel.connect()
      let part = Array(script.bytes.prefix(Int.random(in: 0...script.bytes.count, using: &random)))
      dripFeed(part, from: peer, in: simulated, random: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: kernel.after(.milliseconds(Int.random(in: 0...300, using: &random))) { kernel.reset(peer) }
      case 1:
        kernel.after(.milliseconds(Int.random(in: 0...300, using: &random))) { kernel.endSending(from: peer) }
      default: break
      }
    }
    // The listener alone is left once every deadline has passed.
    simulated.turn { kernel.openDescriptors == 1 }
    let limits = ServerLimits()
    let longest = limits.idleTimeout + limits.headerTimeout + limits.minBodyRate.grace + .seconds(200)
    #expect(kernel.monotonicTime < started + longest, "seed \(seed)")
    simulated.end()
    #expect(kernel.openDescriptors == 0, "seed \(seed)")
  }
}

extension String {
  /// The parts that follow each `separator`.
  fileprivate func components(from separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: true).map(String.init)
  }
}
