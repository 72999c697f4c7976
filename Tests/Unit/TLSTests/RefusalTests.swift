import COpenSSL
import Simulation
import TLS
import TLSClient
import Testing

@Suite struct RefusalTests {
  struct Refusal: Sendable {
    var pair = Certificates.rsa
    let settings: Client.Settings
    let error: TLSError
    /// The alert that the client gets (RFC 8446 section 6.2).
    let alert: Int32
  }

  @Test(arguments: [
    Refusal(settings: .init(version: TLS1_VERSION), error: .unsupportedVersion, alert: 70),
    Refusal(settings: .init(version: TLS1_1_VERSION), error: .unsupportedVersion, alert: 70),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "AES128-SHA"), error: .noSharedCipher, alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "AES128-GCM-SHA256"), error: .noSharedCipher,
      alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "ECDHE-RSA-AES128-SHA256"), error: .noSharedCipher,
      alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "ECDHE-RSA-AES256-SHA"), error: .noSharedCipher,
      alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "DHE-RSA-AES128-GCM-SHA256"),
      error: .noSharedCipher,
      alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "AECDH-AES128-SHA"), error: .noSharedCipher,
      alert: 40),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, cipherList: "ECDHE-RSA-NULL-SHA"), error: .noSharedCipher,
      alert: 40),
    Refusal(settings: .init(version: TLS1_2_VERSION, groups: "P-521"), error: .noSharedCipher, alert: 40),
    Refusal(settings: .init(version: TLS1_3_VERSION, groups: "P-521"), error: .noSharedGroup, alert: 40),
    Refusal(
      settings: .init(version: TLS1_3_VERSION, protocols: ["h2"]), error: .noSharedApplicationProtocol,
      alert: 120),
    Refusal(
      settings: .init(version: TLS1_2_VERSION, protocols: ["h2", "http/1.0", "http/1.1x"]),
      error: .noSharedApplicationProtocol, alert: 120),
  ])
  func unacceptableHandshakesAreRefused(_ refusal: Refusal) throws {
    let conversation = try Conversation(refusal.settings, with: refusal.pair.context())
    let result = conversation.performHandshake()
    #expect(result.server == .failed(refusal.error))
    #expect(result.client == .failed(SSL_AD_REASON_OFFSET + refusal.alert))
    // The error persists in all later calls.
    var bytes: [UInt8] = []
    #expect(conversation.server.handshake() == .failed(refusal.error))
    #expect(conversation.server.read(into: &bytes, limit: 10) == .failed(refusal.error) && bytes.isEmpty)
    #expect(conversation.server.write([1]) == .failed(refusal.error))
    conversation.server.close()
    #expect(conversation.server.hasOutgoing == false)
  }

  @Test func aNeedlessFallbackIsRefused() throws {
    let conversation = try Conversation(.tls12, with: Certificates.ecdsa.context())
    _ = SSL_ctrl(conversation.client.handle, SSL_CTRL_MODE, Int(SSL_MODE_SEND_FALLBACK_SCSV), nil)
    #expect(conversation.performHandshake().server == .failed(.inappropriateFallback))
  }

  @Test(arguments: Client.Settings.both)
  func theAlertOfADistrustingClientIsReported(_ settings: Client.Settings) throws {
    var settings = settings
    settings.verifies = true
    let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
    let result = conversation.performHandshake()
    guard case .failed(let error) = result.server else {
      Issue.record("\(result)")
      return
    }
    #expect(error == .alert(48) && error.description == "unknown CA alert received")
  }

  @Test func aClientCannotRenegotiate() throws {
    let conversation = try Conversation(.tls12, with: Certificates.ecdsa.context())
    try conversation.open()
    #expect(SSL_renegotiate(conversation.client.handle) == 1)
    _ = conversation.client.handshake()
    conversation.deliver(conversation.client.takeOutgoing()) {}
    #expect(conversation.readAtServer().end == .needsMore)
    conversation.client.receive(conversation.takeFromServer())
    #expect(conversation.client.handshake() == .failed(SSL_R_NO_RENEGOTIATION))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "POST /webhooks/replicate HTTP/1.1\r\n", "HEAD / ", "PUT /x", "CONNECT a:1 ",
  ])
  func plainHTTPIsRecognized(_ request: String) throws {
    for count in [1, request.utf8.count] {
      let conversation = try Conversation(with: Certificates.ecdsa.context())
      conversation.deliver(Array(request.utf8), cut: { _ in count }) { _ = conversation.server.handshake() }
      #expect(conversation.server.handshake() == .failed(.plainHTTP))
      // All further output is read as HTTP.
      #expect(conversation.server.hasOutgoing == false)
    }
  }

  @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "\r\n\r\n\r\n", "{\"a\":1}", "hello, world"])
  func otherProtocolsAreRecognized(_ text: String) throws {
    let conversation = try Conversation(with: Certificates.ecdsa.context())
    conversation.deliver(Array(text.utf8)) { _ = conversation.server.handshake() }
    #expect(conversation.server.handshake() == .failed(.notTLS))
  }

  @Test func noiseNeverMakesAConnection() throws {
    let context = try Certificates.ecdsa.context()
    for seed in UInt64(0)..<2000 {
      var generator = SeededGenerator(seed: seed)
      // Half of them start with the header of a record that could be a ClientHello.
      let head: [UInt8] = seed.isMultiple(of: 2) ? [22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3] : []
      let noise = head + (0..<300).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      let conversation = try Conversation(with: context)
      var wasComplete = false
      conversation.deliver(noise, cut: { Int.random(in: 1...$0, using: &generator) }) {
        wasComplete = wasComplete || conversation.server.handshake() == .complete
      }
      #expect(!wasComplete && conversation.readAtServer().bytes.isEmpty, "seed \(seed)")
    }
  }

  /// OpenSSL alone accepts a ClientHello of up to 131,396 bytes.
  @Test func anEndlessHandshakeEnds() throws {
    let conversation = try Conversation(with: Certificates.ecdsa.context())
    let record = [22, 3, 1, 0x40, 0] as [UInt8]
    var sent = record + [1, 2, 0, 0] + [UInt8](repeating: 3, count: 16380)
    var total = 0
    while total < 100_000, conversation.server.handshake() == .needsMore {
      conversation.deliver(sent, cut: { _ in 1000 }) {}
      total += sent.count
      sent = record + [UInt8](repeating: 3, count: 16384)
    }
    #expect(conversation.server.handshake() == .failed(.handshakeTooLong))
    #expect(total <= TLSSession.maxHandshakeBytes + sent.count)
  }

  @Test func nothingIsReadOrWrittenBeforeTheHandshakeIsComplete() throws {
    let conversation = try Conversation(with: Certificates.ecdsa.context())
    #expect(conversation.readAtServer().end == .failed(.notOpen))
    #expect(conversation.server.write([1, 2, 3]) == .failed(.notOpen))
    conversation.server.close()
    #expect(conversation.server.hasOutgoing == false)
    // Calling too early does no harm.
    try conversation.open()
  }

  @Test func aCallerThatDoesNotReadIsStopped() throws {
    let conversation = try Conversation(with: Certificates.ecdsa.context())
    let bytes = [UInt8](repeating: 0, count: TLSSession.maxReceiveBytes)
    for _ in 0..<3 { conversation.server.receive(bytes.span) }
    #expect(conversation.server.handshake() == .failed(.overrun))
  }
}

extension Conversation {
  func deliver(_ bytes: ArraySlice<UInt8>, each: () -> Void) {
    deliver(Array(bytes), each: each)
  }
}
