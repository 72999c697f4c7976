internal import APITokens
internal import Crypto
internal import HTTPWire
internal import JobsAPI
internal import Time

/// The sessions of people who have signed in with a token of the API.
struct Sessions: SessionVerifier {
  private let key: SessionKey
  private let tokens: TokenList
  private let ended: EndedSessions

  /// - Parameter ended: the sessions that were signed out here.
  init(key: SessionKey, tokens: TokenList, ended: EndedSessions) {
    self.key = key
    self.tokens = tokens
    self.ended = ended
  }

  /// Whether the API opens only to those who have signed in.
  var areRequired: Bool { !tokens.isEmpty }

  func session(of head: RequestHead, at now: Timestamp) -> BrowserSession? {
    open(of: head, at: now).map(\.session).max { $0.expiry.milliseconds < $1.expiry.milliseconds }
  }

  /// Makes a session of one who has `token`; nil if it is none of the API's.
  func begin(
    with token: String, at now: Timestamp, nonce: [UInt8]
  ) -> (value: String, session: BrowserSession)? {
    let expiry = Timestamp(unixSeconds: now.milliseconds / 1000 + SessionKey.lifetime)
    guard let token = BearerToken.match(token, among: tokens.current),
      let value = key.value(for: token, until: expiry, nonce: nonce)
    else { return nil }
    return (value, BrowserSession(expiry: expiry, token: token))
  }

  /// Ends the sessions of a request's cookies.
  func end(of head: RequestHead, at now: Timestamp) {
    for session in open(of: head, at: now) {
      ended.insert(session.value, until: session.session.expiry, at: now)
    }
  }

  private func open(of head: RequestHead, at now: Timestamp) -> [(value: String, session: BrowserSession)] {
    guard areRequired else { return [] }
    let tokens = tokens.current
    return SessionCookie.values(of: head).compactMap { value in
      guard let session = key.session(of: value, among: tokens, at: now), !ended.contains(value) else {
        return nil
      }
      return (value, session)
    }
  }
}
