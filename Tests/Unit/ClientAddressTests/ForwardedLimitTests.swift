import ClientAddress
import Simulation
import Testing

/// The limits on a header's cost, and forged entries.
@Suite struct ForwardedLimitTests {
  private static let peer = PeerAddress.ip(IPAddress(ipv4: 0x0A00_0001))

  private static func resolve(_ lines: [String], isForwarded: Bool) throws -> ForwardedFor {
    ForwardedFor(
      peer: peer, forwardedFor: isForwarded ? [] : lines, forwarded: isForwarded ? lines : [],
      trusting: try TrustedProxies(parsing: "private"))
  }

  private static func address(_ text: String) throws -> PeerAddress {
    .ip(try #require(IPAddress(text)))
  }

  @Test(arguments: [false, true], [false, true])
  func entriesBeyondTheLimitAreIgnored(_ isForwarded: Bool, _ isOnLines: Bool) throws {
    for proxies in [ForwardedFor.maxEntries - 1, ForwardedFor.maxEntries] {
      let entries =
        ["203.0.113.9"] + (0..<proxies).reversed().map { "10.0.1.\($0)" }
      let texts = entries.map { isForwarded ? "for=\($0)" : $0 }
      let found = try Self.resolve(
        isOnLines ? texts : [texts.joined(separator: ", ")], isForwarded: isForwarded)
      if proxies < ForwardedFor.maxEntries {
        #expect(found.client == (try Self.address("203.0.113.9")) && found.basis == .named)
      } else {
        #expect(found.client == (try Self.address("10.0.1.\(proxies - 1)")) && found.basis == .interrupted)
      }
    }
  }

  /// A truncated entry could be another address.
  ///
  /// 203.0.113.9 without its first bytes is 3.0.113.9.
  @Test(arguments: 0..<40)
  func anEntryThatTheLimitCutsIsIgnored(_ excess: Int) throws {
    let tail = ",10.0.0.2"
    let head = "203.0.113.9"
    // The line exceeds the limit by `excess` bytes, so the cut is in the filler or in the address.
    let filler = String(repeating: " ", count: ForwardedFor.maxBytes - tail.count - head.count + excess)
    for line in [head + filler + tail, filler + head + tail] {
      let found = try Self.resolve([line], isForwarded: false)
      #expect(found.client == (try Self.address(excess == 0 ? "203.0.113.9" : "10.0.0.2")))
      #expect(found.basis == (excess == 0 ? .named : .interrupted))
    }
  }

  @Test func theLimitIsOverAllLines() throws {
    let half = String(repeating: " ", count: ForwardedFor.maxBytes / 2 - 8)
    let lines = [half + "10.0.0.3", half + "10.0.0.2"]
    #expect(try Self.resolve(lines, isForwarded: false) == Self.resolve(["10.0.0.3"], isForwarded: false))
    let found = try Self.resolve(["203.0.113.9"] + lines, isForwarded: false)
    #expect(found.client == (try Self.address("10.0.0.3")) && found.basis == .interrupted)
    let empty = try Self.resolve([""] + lines, isForwarded: false)
    #expect(empty.client == (try Self.address("10.0.0.3")) && empty.basis == .interrupted)
  }

  /// Whatever a client sends, the proxy's entry after it decides.
  @Test(arguments: [UInt64](1...4))
  func noRandomPrefixChangesTheClient(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let pieces = [
      "for=", "\"", "\\", ",", ";", "6.6.6.6", "10.0.0.2", "[", "]", ":", "unknown", "_x", " ", "=", "[::1]",
      "for=6.6.6.6", "\u{0}", "é", "by=\"", "\t",
    ]
    for _ in 0..<3000 {
      let claim = (0..<Int.random(in: 0...12, using: &generator))
        .map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
      let isNewLine = generator.happens(onceIn: 2)
      for (entry, isForwarded) in [
        ("203.0.113.9", false), ("203.0.113.9, 10.0.0.2", false), ("for=203.0.113.9", true),
        ("for=\"203.0.113.9:80\";by=\"a,\\\"b\", for=\"[fd00::1]\"", true),
      ] {
        let lines = isNewLine ? [claim, entry] : ["\(claim), \(entry)"]
        let found = try Self.resolve(lines, isForwarded: isForwarded)
        #expect(
          found.client == (try Self.address("203.0.113.9")) && found.basis == .named, "seed \(seed): \(lines)"
        )
      }
      // Alone, the claim is parsed or rejected; it must not trap.
      _ = try Self.resolve([claim], isForwarded: generator.happens(onceIn: 2))
    }
  }
}
