import COpenSSL
import Synchronization
import TLS
import TLSClient
import Testing

/// Each test runs in its own process, where nothing else uses OpenSSL.
@Suite struct MemoryTests {
  /// Repeats `work` many times.
  ///
  /// Then OpenSSL must hold as many blocks as after a few.
  private static func expectNoGrowth(times: Int = 200, _ work: () throws -> Void) throws {
    for _ in 0..<10 { try work() }
    let before = AllocationCounter.blocks.load(ordering: .relaxed)
    for _ in 0..<times { try work() }
    let after = AllocationCounter.blocks.load(ordering: .relaxed)
    try #require(before == after)
  }

  @Test func sessionsLeaveNothingBehindWhereverTheyEnd() async {
    await #expect(processExitsWith: .success) {
      try #require(AllocationCounter.install())
      let context = try Certificates.ecdsa.context()
      // Before the first byte, within the first flight, and before the client's last one.
      for flights in 0..<3 {
        for settings in Client.Settings.both {
          try MemoryTests.expectNoGrowth {
            let conversation = try Conversation(settings, with: context)
            for flight in 0..<flights {
              _ = conversation.client.handshake()
              let bytes = conversation.client.takeOutgoing()
              conversation.deliver(flight == 0 && flights == 1 ? Array(bytes.dropLast(9)) : bytes) {
                _ = conversation.server.handshake()
              }
              if flight == 0 { conversation.client.receive(conversation.takeFromServer()) }
            }
          }
        }
      }
      // After a request and a response, read or not.
      try MemoryTests.expectNoGrowth {
        let conversation = try Conversation(with: context)
        try conversation.open()
        conversation.client.write([UInt8](repeating: 1, count: 20_000))
        conversation.deliver(conversation.client.takeOutgoing()) {}
        _ = conversation.readAtServer()
        _ = conversation.server.write([UInt8](repeating: 1, count: 50_000)[...])
        _ = conversation.takeFromServer()
        _ = conversation.server.write([UInt8](repeating: 1, count: 50_000)[...])
      }
      // A client without tickets requests a server-side session (RFC 5246 section 7.4.1.3).
      for version in [TLS1_2_VERSION, TLS1_3_VERSION] {
        let settings = Client.Settings(version: version, takesTickets: false)
        try MemoryTests.expectNoGrowth {
          let conversation = try Conversation(settings, with: context)
          try conversation.open()
          // A truncated session would be forgotten anyway.
          conversation.server.close()
        }
      }
      try MemoryTests.expectNoGrowth {
        let conversation = try Conversation(with: context)
        conversation.deliver(Array("GET / HTTP/1.1\r\n".utf8)) {}
        _ = conversation.server.handshake()
      }
    }
  }

  @Test func contextsLeaveNothingBehindWhetherTheyComeUpOrNot() async {
    await #expect(processExitsWith: .success) {
      try #require(AllocationCounter.install())
      let pair = Certificates.ecdsa
      let cut = try Certificates.write(Certificates.contents(of: pair.key).dropLast(40), to: "cut.key")
      let weak = Certificates.weakRSA
      let now = Certificates.now
      var last = try pair.context()
      try MemoryTests.expectNoGrowth(times: 20) {
        last = try pair.context(replacing: last)
        for (certificate, key, now) in [
          (pair.certificate, cut, now), (pair.certificate, weak.key, now), (pair.key, pair.key, now),
          (weak.certificate, weak.key, now), (pair.certificate, pair.key, 0), ("/dev/zero", pair.key, now),
        ] {
          #expect(throws: TLSConfigurationError.self) {
            try TLSContext(certificatePath: certificate, keyPath: key, now: now)
          }
        }
      }
    }
  }

  /// After the handshake, and again after a large exchange.
  @Test func anIdleSessionIsSmall() async {
    await #expect(processExitsWith: .success) {
      try #require(AllocationCounter.install())
      for settings in Client.Settings.both {
        let context = try Certificates.ecdsa.context()
        try Conversation(settings, with: context).open()
        // The client shares the process, so its memory is subtracted: whatever is freed with the server is
        // the server's.
        for isUsed in [false, true] {
          var conversation: Conversation? = try Conversation(settings, with: context)
          try conversation?.open()
          if isUsed { try MemoryTests.use(#require(conversation)) }
          let client = conversation?.client
          let before = AllocationCounter.bytes.load(ordering: .relaxed)
          conversation = nil
          let size = before - AllocationCounter.bytes.load(ordering: .relaxed)
          withExtendedLifetime(client) {}
          try #require((1000..<32 * 1024).contains(size))
        }
      }
    }
  }

  private static func use(_ conversation: Conversation) throws {
    let body = [UInt8](repeating: 1, count: 60_000)
    conversation.client.write(body)
    conversation.deliver(conversation.client.takeOutgoing()) {}
    try #require(conversation.readAtServer().bytes == body)
    try #require(conversation.server.write(body[...]) == .written)
    conversation.client.receive(conversation.takeFromServer())
    try #require(conversation.client.read().bytes == body)
  }
}
