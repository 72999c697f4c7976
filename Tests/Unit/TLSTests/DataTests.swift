import COpenSSL
import Simulation
import TLS
import TLSClient
import Testing

@Suite struct DataTests {
  private static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  private func openConversation(_ settings: Client.Settings) throws -> Conversation {
    let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
    try conversation.open()
    return conversation
  }

  @Test(arguments: Client.Settings.both)
  func everyByteBySelf(_ settings: Client.Settings) throws {
    let conversation = try openConversation(settings)
    let request = Self.bytes(500)
    conversation.client.write(request)
    var received: [UInt8] = []
    conversation.deliver(conversation.client.takeOutgoing(), cut: { _ in 1 }) {
      received += conversation.readAtServer().bytes
    }
    #expect(received == request)
    #expect(conversation.server.write(request[...]) == .written)
    var answer: [UInt8] = []
    for byte in conversation.takeFromServer() {
      conversation.client.receive([byte])
      answer += conversation.client.read().bytes
    }
    #expect(answer == request)
  }

  @Test(arguments: Client.Settings.both)
  func anyCutsBothWays(_ settings: Client.Settings) throws {
    let conversation = try openConversation(settings)
    for seed in UInt64(0)..<100 {
      var generator = SeededGenerator(seed: seed)
      let sent = Self.bytes(Int.random(in: 1...40_000, using: &generator), seed: seed)
      conversation.client.write(sent)
      var received: [UInt8] = []
      conversation.deliver(
        conversation.client.takeOutgoing(), cut: { Int.random(in: 1...$0, using: &generator) }
      ) {
        received += conversation.readAtServer(limit: Int.random(in: 1...20_000, using: &generator)).bytes
      }
      let isRequestWhole = received == sent
      #expect(isRequestWhole, "seed \(seed)")

      var rest = sent[...]
      var answer: [UInt8] = []
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...rest.count, using: &generator))
        #expect(conversation.server.write(piece) == .written)
        rest = rest.dropFirst(piece.count)
        conversation.client.receive(conversation.takeFromServer())
        answer += conversation.client.read().bytes
      }
      let isAnswerWhole = answer == sent
      #expect(isAnswerWhole, "seed \(seed)")
    }
  }

  @Test(arguments: Client.Settings.both)
  func aMegabyteBothWays(_ settings: Client.Settings) throws {
    let conversation = try openConversation(settings)
    let body = Self.bytes(1 << 20)
    conversation.client.write(body)
    var received: [UInt8] = []
    conversation.deliver(conversation.client.takeOutgoing()) { received += conversation.readAtServer().bytes }
    // Compared outside of the macro, because a failure would print both.
    let isRequestWhole = received == body
    #expect(isRequestWhole)
    #expect(conversation.server.write(body[...]) == .written)
    conversation.client.receive(conversation.takeFromServer())
    let isAnswerWhole = conversation.client.read().bytes == body
    #expect(isAnswerWhole)
  }

  /// 16 KiB are one record: only its header and tag are added.
  @Test(arguments: Client.Settings.both, [1, 1000, 16384])
  func dataUpTo16KiBIsOneRecord(_ settings: Client.Settings, _ count: Int) throws {
    let conversation = try openConversation(settings)
    #expect(conversation.server.write(Self.bytes(count)[...]) == .written)
    let record = conversation.takeFromServer()
    #expect(record.count <= count + 5 + 24 && Int(record[3]) << 8 | Int(record[4]) == record.count - 5)
  }

  @Test func aReadTakesNoMoreThanItsLimitAndLosesNothing() throws {
    let conversation = try openConversation(.tls13)
    conversation.client.write(Array("GET / ".utf8))
    conversation.client.write(Array("HTTP/1.1".utf8))
    conversation.deliver(conversation.client.takeOutgoing()) {}
    var buffer = Array("> ".utf8)
    #expect(conversation.server.read(into: &buffer, limit: 4) == .transferred(4))
    #expect(conversation.server.read(into: &buffer, limit: 0) == .transferred(0))
    #expect(conversation.server.read(into: &buffer, limit: 100) == .transferred(10))
    #expect(conversation.server.read(into: &buffer, limit: 100) == .needsMore)
    #expect(String(decoding: buffer, as: UTF8.self) == "> GET / HTTP/1.1")
  }

  @Test(arguments: Client.Settings.both)
  func closeNotifyIsAnEndAndTheAnswerStillGoesOut(_ settings: Client.Settings) throws {
    let conversation = try openConversation(settings)
    conversation.client.write([1, 2, 3])
    conversation.client.close()
    conversation.deliver(conversation.client.takeOutgoing()) {}
    #expect(conversation.readAtServer() == ([1, 2, 3], .closed))
    #expect(conversation.server.write([4, 5]) == .written)
    conversation.server.close()
    conversation.client.receive(conversation.takeFromServer())
    #expect(conversation.client.read() == ([4, 5], .complete))
  }

  @Test(arguments: Client.Settings.both)
  func clientDataAfterOurCloseIsRead(_ settings: Client.Settings) throws {
    let conversation = try openConversation(settings)
    conversation.server.close()
    #expect(conversation.server.write([1]) == .failed(.notOpen))
    let closing = conversation.takeFromServer()
    #expect(!closing.isEmpty)
    conversation.client.write([7])
    conversation.deliver(conversation.client.takeOutgoing()) {}
    // A second call has no effect. OpenSSL would take it as a wait for close_notify, and data as a violation.
    conversation.server.close()
    #expect(conversation.server.hasOutgoing == false)
    #expect(conversation.readAtServer() == ([7], .needsMore))
    conversation.client.receive(closing)
    #expect(conversation.client.read() == ([], .complete))
  }

  /// Wherever the connection ends, only complete records are data.
  @Test(arguments: Client.Settings.both)
  func anEndWithinARecordYieldsOnlyWholeRecords(_ settings: Client.Settings) throws {
    let context = try Certificates.ecdsa.context()
    for cut in 0...60 {
      let conversation = try Conversation(settings, with: context)
      try conversation.open()
      conversation.client.write(Array("whole".utf8))
      let first = conversation.client.takeOutgoing()
      conversation.client.write(Array("part".utf8))
      conversation.client.close()
      let all = first + conversation.client.takeOutgoing()
      conversation.deliver(Array(all.prefix(cut))) {}
      let (bytes, end) = conversation.readAtServer()
      let expected: [String] = cut < first.count ? [""] : ["whole", "wholepart"]
      #expect(expected.contains(String(decoding: bytes, as: UTF8.self)), "cut \(cut)")
      #expect(end == .needsMore, "cut \(cut)")
    }
  }

  /// RFC 8446 section 4.6.3: both sides change keys, which is invisible to the application.
  @Test func keysMayChange() throws {
    let conversation = try openConversation(.tls13)
    for round in UInt8(0)..<20 {
      #expect(SSL_key_update(conversation.client.handle, SSL_KEY_UPDATE_REQUESTED) == 1)
      conversation.client.write([round])
      conversation.deliver(conversation.client.takeOutgoing()) {}
      #expect(conversation.readAtServer() == ([round], .needsMore))
      #expect(conversation.server.write([round]) == .written)
      conversation.client.receive(conversation.takeFromServer())
      #expect(conversation.client.read() == ([round], .needsMore))
    }
  }

  /// Errors of one connection do not affect others, although OpenSSL keeps one error queue per thread.
  @Test func theErrorOfOneConnectionIsNotTheNextOnes() throws {
    let healthy = try openConversation(.tls13)
    ERR_clear_error()
    for _ in 0..<3 {
      let broken = try Conversation(with: Certificates.ecdsa.context())
      broken.deliver(Array("GET / HTTP/1.1\r\n".utf8)) {}
      #expect(broken.server.handshake() == .failed(.plainHTTP))
      // Another library on the same thread may leave errors behind.
      ERR_new()
      withVaList([]) { ERR_vset_error(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, nil, $0) }
      #expect(healthy.readAtServer() == ([], .needsMore))
    }
    ERR_clear_error()
  }
}
