internal import Bytes
internal import HTTPWire
internal import JSONText
package import JobsAPI
internal import StoreSeam
package import Routing
internal import Scheduler
package import Settings
internal import Time

/// The capability that lets a web page, or anybody else, read one job with a token.
package struct ReadTokens: Capability {
  /// The web origins whose pages may read jobs.
  private let origins: Set<String>
  /// Where pages reach the listener of deliveries; nil unless they may read there.
  private let publicURL: String?

  package static var settings: [SettingVariable] { [.browserOrigins] }
  package static var keys: [String] { [ReadTokenKey.name] }

  package init(from reader: inout SettingsReader) {
    origins = WebOrigin.read(from: &reader)
    publicURL = origins.isEmpty ? nil : ProviderSettings.publicURL(reader)
  }

  package func jobSharing(_ keys: StoredKeys) -> JobSharing? {
    JobSharing(tokens: ReadTokenKey(keys[ReadTokenKey.name]), origins: origins)
  }

  package func routes(_ api: APIContext) -> [Route] {
    let key = ReadTokenKey(api.keys[ReadTokenKey.name])
    let views = api.views
    return [
      Route(
        .post, "/jobs/{id}/tokens", name: "tokens", summary: "Makes a token that reads this job alone.",
        access: api.access.changing, maxBodyBytes: TokenRequest.maxBytes, admit: Self.admit
      ) { request async throws(Problem) in try await respond(to: request, views, key) }
    ]
  }

  private static func admit(_ head: RequestHead) throws(Problem) {
    guard head.bodyFraming != .none, head.bodyFraming != .length(0) else { return }
    try head.requireJSON()
    try head.requireIdentityCoding()
  }

  private func respond(
    to request: RoutedRequest<Void>, _ views: JobViews, _ key: ReadTokenKey
  ) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let ttl = try TokenRequest(body: request.body).ttl
    let id = try await views.id(ofJob: request.path["id"])
    let expiry = Timestamp(unixSeconds: views.now.milliseconds / 1000 + ttl)
    guard let token = key.token(for: id, until: expiry) else {
      throw .unavailable(.notConfigured, "no token can be made", reason: "OpenSSL has no HMAC-SHA256")
    }
    var writer = JSONWriter()
    writer.object { object in
      object.member("id", string: id)
      object.member("token", string: token)
      object.member("expires_at", string: expiry.rfc3339)
      object.member("url", string: publicURL.map { "\($0)/jobs/\(PercentEncoding.encode(id))" })
    }
    writer.raw([UInt8(ascii: "\n")])
    var response = Response.json(writer.bytes)
    response.fields.append(("Cache-Control", "no-store"))
    return response
  }
}
