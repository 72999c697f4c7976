package import HTTPClient
internal import JSONText

/// Whether `PUBLIC_URL` leads to the daemon, as far as this machine can see.
package enum PublicURLProbe {
  private static let path = "/webhooks/replicate"
  private static let maxBodyBytes = 64 << 10

  package static func findings(
    _ url: String?, send: (HTTPClientRequest) -> Result<HTTPClientResponse, HTTPClientError>
  ) -> [Finding] {
    guard let url else {
      return [
        Finding("public URL", .skipped, "PUBLIC_URL is not set: predictions are created without webhooks")
      ]
    }
    let target = url + path
    var findings: [Finding] = []
    switch ask(.get, target, send) {
    case .failure(let error): return [unreached(target, error)]
    case .success(let response): findings.append(get(response, target))
    }
    if url.hasPrefix("https:") {
      findings.append(Finding("certificate", .ok, "its chain and its name are valid to this machine"))
    }
    switch ask(.post, target, send) {
    case .failure(let error): findings.append(unreached(target, error))
    case .success(let response): findings.append(post(response, target))
    }
    findings.append(
      Finding(
        "view", .warning, "PUBLIC_URL was called from this machine",
        remedy: "A sender on the internet may see another name server, address, firewall or certificate: "
          + "call it from elsewhere too"))
    return findings
  }

  private static func ask(
    _ method: HTTPClientRequest.Method, _ url: String, _ send: Sender
  ) -> Result<HTTPClientResponse, HTTPClientError> {
    var request = HTTPClientRequest(method, url, body: method == .post ? Array("{}".utf8) : nil)
    if method == .post { request.fields = ["Content-Type: application/json"] }
    request.isOnce = true
    request.maxBodyBytes = maxBodyBytes
    request.truncatesBody = true
    request.timeout = .seconds(20)
    request.wantedFields = ["Allow", "Location"]
    return send(request)
  }

  private static func unreached(_ target: String, _ error: HTTPClientError) -> Finding {
    let reason = "\(error)"
    // libcurl's texts (`curl_easy_strerror`).
    let isCertificate = ["SSL", "TLS", "certificate"].contains { reason.contains($0) }
    return Finding(
      isCertificate ? "certificate" : "public URL", .failed, "\(target): \(reason)",
      remedy: isCertificate
        ? "Let the server send its whole chain, for the host of PUBLIC_URL, and renew it in time"
        : "Check its name server entry, the firewall and the proxy in front of the daemon")
  }

  private static func get(_ response: HTTPClientResponse, _ target: String) -> Finding {
    if response.status == 405, response.fields["Allow"]?.contains(where: { $0.contains("POST") }) == true {
      return Finding("public URL", .ok, "a GET of \(target) is answered 405, as by the daemon")
    }
    return fault(response, "a GET of \(target)", expected: 405)
  }

  private static func post(_ response: HTTPClientResponse, _ target: String) -> Finding {
    let object = try? JSONScanner.object(response.body.span)
    if response.status == 401, object?.value(named: "code", in: response.body.span) != nil {
      return Finding("signature", .ok, "an unsigned POST is answered 401, as by the daemon")
    }
    return fault(response, "an unsigned POST to \(target)", expected: 401)
  }

  private static func fault(_ response: HTTPClientResponse, _ request: String, expected: Int) -> Finding {
    let remedy =
      switch response.status {
      case 300..<400:
        "Replicate follows no redirect"
          + (response.fields["Location"]?.first.map { ": let PUBLIC_URL lead to where \($0) does" } ?? "")
      case 200..<300:
        "Another program answers there, and acknowledges what it does not store: check the proxy"
      case 401, 403, 407: "Something before the daemon wants credentials: let the path of webhooks through"
      case 404: "Another program answers there: check the path of the proxy, and what PUBLIC_URL ends with"
      case 502, 503, 504: "The proxy does not reach the daemon: start it, and check the proxy's target"
      default: "Check the proxy in front of the daemon"
      }
    return Finding(
      expected == 405 ? "public URL" : "signature", .failed,
      "\(request) is answered \(response.status), not \(expected) by the daemon", remedy: remedy)
  }
}
