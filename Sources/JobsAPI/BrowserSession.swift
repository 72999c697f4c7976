package import APITokens
package import HTTPWire
package import Routing
package import Time

/// Sessions that open the API as a token does: to people, whose browsers send a cookie.
///
/// Used on its loop only.
package protocol SessionVerifier {
  /// The session of a request's cookie; nil if it names none that is open now.
  func session(of head: RequestHead, at now: Timestamp) -> BrowserSession?
}

/// A session that is open.
package struct BrowserSession: Sendable {
  package let expiry: Timestamp
  /// The token that was signed in with, whose scope is the session's.
  package let token: BearerToken

  package init(expiry: Timestamp, token: BearerToken) {
    self.expiry = expiry
    self.token = token
  }
}

extension RequestHead {
  /// Whether a browser sent this for a page of this server; nil where nothing shows that.
  ///
  /// Browsers set both fields themselves: no page can change them (the Fetch standard, "forbidden
  /// request-header"; Fetch Metadata Request Headers). Over plain HTTP to another machine they send no
  /// Sec-Fetch-Site, and with a GET of the same origin no Origin.
  package var isOfOwnPage: Bool? {
    switch fields.single("sec-fetch-site") {
    case .one("same-origin"): return true
    // What a person has typed or bookmarked.
    case .one("none"), .none: break
    case .one, .repeated: return false
    }
    let origins = fields.all("origin")
    return origins.isEmpty ? nil : origins.allSatisfy { $0 == "http://\(host)" || $0 == "https://\(host)" }
  }
}

extension Problem {
  /// The refusal of a request that a page of another site has caused.
  package static let otherSite = Problem(
    .forbidden, .originNotAllowed,
    "a session opens this API only to the pages of this server: send Authorization: Bearer instead")
}
