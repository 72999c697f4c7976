internal import ClientAddress
internal import HTTPServer
internal import Routing

/// Bounds the streams of those who hold a job's token: web pages, and thus anybody.
///
/// Clients of the API are not bounded by address. A backend has thousands of streams from one.
final class TokenStreamLimits {
  private let trustedProxies: TrustedProxies
  private let ofClients = StreamQuota<ClientKey>(max: maxPerClient)
  private let ofJobs = StreamQuota<String>(max: maxPerJob)

  /// Sixteen browsers behind one address, each with the six connections that it opens over HTTP/1.1.
  static let maxPerClient = 96
  /// A job's page in a few tabs and devices of its user, with what a lost network has left of them.
  static let maxPerJob = 32

  init(trustedProxies: TrustedProxies) {
    self.trustedProxies = trustedProxies
  }

  /// Takes the places of one stream, which are free again when they are released.
  func claim(job id: String, for stream: StreamedRequest) throws(Problem) -> [StreamPlace] {
    let client = ClientKey(of: stream.head, from: stream.peer, trusting: trustedProxies)
    var places = [try ofJobs.claim(id)]
    if let client { places.append(try ofClients.claim(client)) }
    return places
  }
}
