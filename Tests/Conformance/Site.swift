/// The server under test, as far as the cases need to know it.
package struct Site: Sendable {
  package var main: Endpoint
  /// Where a resource with an entity tag is, as the GET target there; nil where there is none.
  package var entityTag: Endpoint?
  /// Field lines that a POST needs, without their CR LF.
  package var postFields: [String]
  /// What the application answers once it has read a body.
  package var acceptedStatuses: Set<Int>
  /// Nil where they are not known, which leaves out the cases at the limit exactly.
  package var limits: SiteLimits?
  package var offers: Set<Need>

  /// A server of whom nothing is known but where it takes a POST and a GET.
  package init(main: Endpoint, acceptedStatuses: Set<Int>) {
    self.main = main
    self.acceptedStatuses = acceptedStatuses
    postFields = []
    offers = []
  }

  /// The webhook listener of this project. A well-formed signature that is wrong has the body read whole, is
  /// answered 401, and leaves the connection open: so every mistake in framing shows.
  package static func daemon(main: Endpoint, entityTag: Endpoint?, bodyLimit: Int) -> Site {
    var site = Site(main: main, acceptedStatuses: [401])
    site.postFields = [
      "webhook-id: msg_conformance", "webhook-timestamp: 1700000000",
      "webhook-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]
    site.limits = SiteLimits(body: bodyLimit)
    site.offers = [.limits, .strictMethods, .signatures, .trailingSlash]
    site.entityTag = entityTag
    if entityTag != nil { site.offers.insert(.entityTag) }
    return site
  }

  func endpoint(_ role: EndpointRole) -> Endpoint {
    role == .entityTag ? entityTag ?? main : main
  }
}

/// One listening address.
package struct Endpoint: Sendable {
  /// IPv4, dotted.
  package var address: String
  package var port: Int
  package var getTarget: String
  package var postTarget: String
  /// What the probe asks for, and is answered 200.
  package var probeTarget: String

  package init(
    address: String, port: Int, getTarget: String, postTarget: String, probeTarget: String? = nil
  ) {
    self.address = address
    self.port = port
    self.getTarget = getTarget
    self.postTarget = postTarget
    self.probeTarget = probeTarget ?? getTarget
  }

  /// For Host.
  var authority: String { "\(address):\(port)" }
}

/// The limits of this project's server, in bytes where nothing else is said.
package struct SiteLimits: Sendable {
  package var target = 8 * 1024
  package var headerSection = 16 * 1024
  /// Field lines in one request.
  package var fieldCount = 100
  package var body: Int
}
