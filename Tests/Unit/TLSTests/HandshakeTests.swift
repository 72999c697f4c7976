import COpenSSL
import Simulation
import TLS
import TLSClient
import Testing

@Suite struct HandshakeTests {
  @Test(
    arguments: [Certificates.ecdsa, Certificates.rsa, Certificates.ed25519],
    [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")])
  func everyVersionWithEveryKindOfKey(_ pair: Certificates.Pair, _ version: (number: Int32, name: String))
    throws
  {
    let conversation = try Conversation(Client.Settings(version: version.number), with: pair.context())
    try conversation.open()
    #expect(conversation.client.version == version.name && !conversation.client.isResumed)
    #expect(SSL_get_current_compression(conversation.client.handle) == nil)
  }

  @Test func theNewestVersionIsPreferred() throws {
    let conversation = try Conversation(with: Certificates.ecdsa.context())
    try conversation.open()
    #expect(conversation.client.version == "TLSv1.3")
  }

  @Test(arguments: [
    (Certificates.ecdsa, "ECDHE-ECDSA-AES128-GCM-SHA256"), (Certificates.rsa, "ECDHE-RSA-AES128-GCM-SHA256"),
    (Certificates.ecdsa, "ECDHE-ECDSA-AES256-GCM-SHA384"), (Certificates.rsa, "ECDHE-RSA-AES256-GCM-SHA384"),
    (Certificates.ecdsa, "ECDHE-ECDSA-CHACHA20-POLY1305"), (Certificates.rsa, "ECDHE-RSA-CHACHA20-POLY1305"),
  ])
  func everyGoodCipherOfTLS12(_ pair: Certificates.Pair, _ name: String) throws {
    let conversation = try Conversation(
      Client.Settings(version: TLS1_2_VERSION, cipherList: name), with: pair.context())
    try conversation.open()
    #expect(conversation.client.cipher == name)
  }

  @Test(arguments: Client.Settings.both, ["X25519", "P-256", "P-384"])
  func everyGroup(_ settings: Client.Settings, _ group: String) throws {
    var settings = settings
    settings.groups = group
    try Conversation(settings, with: Certificates.rsa.context()).open()
  }

  @Test func theServerChoosesTheCipher() throws {
    let list = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    let conversation = try Conversation(
      Client.Settings(version: TLS1_2_VERSION, cipherList: list), with: Certificates.ecdsa.context())
    try conversation.open()
    #expect(conversation.client.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256")
  }

  @Test(arguments: Client.Settings.both)
  func everyByteBySelf(_ settings: Client.Settings) throws {
    let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
    let result = conversation.performHandshake { _ in 1 }
    #expect(result == (.complete, .complete))
  }

  @Test(arguments: Client.Settings.both)
  func anyCuts(_ settings: Client.Settings) throws {
    let context = try Certificates.ecdsa.context()
    for seed in UInt64(0)..<50 {
      var generator = SeededGenerator(seed: seed)
      let conversation = try Conversation(settings, with: context)
      let result = conversation.performHandshake { Int.random(in: 1...min($0, 100), using: &generator) }
      #expect(result == (.complete, .complete), "seed \(seed)")
    }
  }

  @Test(
    arguments: [
      ([], nil), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"),
      (["http/1.0", "http/1.1", "h2"], "http/1.1"),
    ] as [([String], String?)])
  func clientsThatTakeHTTP11AreServed(_ protocols: [String], _ chosen: String?) throws {
    for settings in Client.Settings.both {
      var settings = settings
      settings.protocols = protocols
      let conversation = try Conversation(settings, with: Certificates.ecdsa.context())
      try conversation.open()
      #expect(conversation.client.chosenProtocol == chosen)
    }
  }

  @Test(arguments: [
    nil, "Hooks.Example.COM", "a b", "a\nb", "<script>", "ö.example", "*.example.com",
    String(repeating: "a", count: 254),
  ])
  func anyNameIsServed(_ sent: String?) throws {
    var settings = Client.Settings.tls13
    settings.serverName = sent
    try Conversation(settings, with: Certificates.ecdsa.context()).open()
  }

  @Test func namesAndExpiryOfTheCertificate() throws {
    let context = try Certificates.ecdsa.context()
    #expect(context.names == [Certificates.name, "*.example.net"])
    #expect((29 * 86400..<31 * 86400).contains(context.notAfter - Certificates.now))
  }
}
