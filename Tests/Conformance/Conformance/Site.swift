/// The properties of the server under test that the cases need.
package struct Site: Sendable {
  package var main: Endpoint
  /// The endpoint with an entity tag for its GET target, if any.
  package var entityTag: Endpoint?
  /// The field lines that a POST needs, without their CR LF.
  package var postFields: [String]
  /// The status codes of the application once it has read a body.
  package var acceptedStatuses: Set<Int>
  /// The limits of the server.
  ///
  /// Without them, the exact limit cases are skipped.
  package var limits: SiteLimits?
  package var offers: Set<Need>

  /// A server with only a POST and a GET target known.
  package init(main: Endpoint, acceptedStatuses: Set<Int>) {
    self.main = main
    self.acceptedStatuses = acceptedStatuses
    postFields = []
    offers = []
  }

  /// The webhook listener of this project.
  ///
  /// A well-formed but wrong signature gets 401 after the body was read, and leaves the connection open. So
  /// every framing error shows.
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
  /// The target of the probe, which gets 200.
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

  /// The value of Host.
  var authority: String { "\(address):\(port)" }
}

/// The limits of this project's server, in bytes unless noted.
package struct SiteLimits: Sendable {
  package var target = 8 * 1024
  package var headerSection = 16 * 1024
  /// Field lines in one request.
  package var fieldCount = 100
  package var body: Int

  package init(body: Int) {
    self.body = body
  }
}
