import COpenSSL
import TLS
import TLSClient
import Testing

@Suite struct ResumptionTests {
  private static let day: Int64 = 24 * 3600

  /// Completes a full handshake, and returns the client's session.
  private func session(_ settings: Client.Settings, with context: TLSContext) throws -> Session {
    let conversation = try Conversation(settings, with: context)
    try conversation.open()
    // The tickets of TLS 1.3 come after the handshake (RFC 8446 section 4.6.1).
    #expect(conversation.client.read() == ([], .needsMore))
    let session = try #require(conversation.client.session)
    conversation.client.close()
    return session
  }

  private func isResumed(_ session: Session, _ settings: Client.Settings, with context: TLSContext) throws
    -> Bool
  {
    let conversation = try Conversation(settings, with: context, resuming: session)
    try conversation.open()
    // A client does not resume a truncated session.
    conversation.client.close()
    return conversation.client.isResumed
  }

  @Test(arguments: Client.Settings.both)
  func clientsResumeWithATicket(_ settings: Client.Settings) throws {
    let context = try Certificates.ecdsa.context()
    let session = try session(settings, with: context)
    #expect(try isResumed(session, settings, with: context))
    // 0-RTT is disabled.
    #expect(SSL_SESSION_get_max_early_data(session.handle) == 0)
    #expect(SSL_SESSION_has_ticket(session.handle) == 1)
  }

  @Test(arguments: Client.Settings.both)
  func ticketsOutliveAReload(_ settings: Client.Settings) throws {
    let old = try Certificates.ecdsa.context()
    let session = try session(settings, with: old)
    let new = try Certificates.rsa.context(now: Certificates.now + 60, replacing: old)
    #expect(try isResumed(session, settings, with: new))
    // The old context still works.
    #expect(try isResumed(session, settings, with: old))
    let third = try Certificates.ecdsa.context(now: Certificates.now + Self.day - 1, replacing: new)
    #expect(try isResumed(session, settings, with: third))
  }

  @Test(arguments: Client.Settings.both)
  func withoutTheOldKeysTheHandshakeIsFull(_ settings: Client.Settings) throws {
    let old = try Certificates.ecdsa.context()
    let session = try session(settings, with: old)
    #expect(try !isResumed(session, settings, with: Certificates.ecdsa.context()))
  }

  /// Counted from the generation of the keys, not from their last transfer.
  @Test(arguments: Client.Settings.both)
  func keysAreCarriedOverForADay(_ settings: Client.Settings) throws {
    let old = try Certificates.ecdsa.context()
    let session = try session(settings, with: old)
    let noon = try Certificates.ecdsa.context(now: Certificates.now + Self.day / 2, replacing: old)
    let late = try Certificates.ecdsa.context(now: Certificates.now + Self.day, replacing: noon)
    #expect(try isResumed(session, settings, with: noon))
    #expect(try !isResumed(session, settings, with: late))
  }

  /// By default a client gets one ticket, in one record.
  @Test func oneTicketIsSent() throws {
    let conversation = try Conversation(.tls13, with: Certificates.ecdsa.context())
    _ = conversation.client.handshake()
    conversation.deliver(conversation.client.takeOutgoing()) { _ = conversation.server.handshake() }
    conversation.client.receive(conversation.takeFromServer())
    #expect(conversation.client.handshake() == .complete)
    conversation.deliver(conversation.client.takeOutgoing()) { _ = conversation.server.handshake() }
    let tickets = conversation.takeFromServer()
    #expect(tickets.count > 5 && Int(tickets[3]) << 8 | Int(tickets[4]) == tickets.count - 5)
  }
}
