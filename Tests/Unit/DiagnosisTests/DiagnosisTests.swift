import Diagnosis
import Foundation
import HTTPClient
import Replicate
import Scheduler
import Settings
import StandardWebhooks
import Testing

/// What `doctor` makes of the answers that it receives.
@Suite struct DiagnosisTests {
  private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  private static let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
  /// 2026-11-30 12:00:00 UTC.
  private static let date = "Mon, 30 Nov 2026 12:00:00 GMT"
  private static let now: Int64 = 1_796_040_000

  private static func settings(_ environment: [String: String]) throws -> ProviderSettings {
    var reader = SettingsReader(variables: ProviderSettings.variables, environment: environment) { _ in nil }
    return try reader.read { ProviderSettings(from: &$0) }
  }

  private static func verdicts(_ findings: [Finding]) -> [String] {
    findings.map { "\($0.subject) \($0.verdict)" }
  }

  private static func provider(
    _ status: Int, _ body: String, secrets: [String] = [secret], now: Int64 = now, date: String? = date
  ) throws -> [Finding] {
    let settings = try settings(["REPLICATE_API_TOKEN": "r8_0123456789"])
    return ProviderProbe.findings(
      settings, secrets: try secrets.map { try Secret($0) }, now: { now }, tolerance: 300
    ) { request in
      #expect(request.url == "https://api.replicate.com/v1/webhooks/default/secret")
      #expect(request.fields == ["Authorization: Bearer r8_0123456789"])
      return .success(
        HTTPClientResponse(
          status: status, body: Array(body.utf8), fields: date.map { ["Date": [$0]] } ?? [:]))
    }
  }

  @Test func `the token, the secret and the clock are compared by one answer`() throws {
    let key = #"{"key":"\#(Self.secret)"}"#
    let all = try Self.provider(200, key)
    #expect(Self.verdicts(all) == ["token ok", "secret ok", "clock ok"])
    #expect(Self.verdicts(try Self.provider(200, key, secrets: []))[1] == "secret ok")
    #expect(Self.verdicts(try Self.provider(200, key, secrets: [Self.other, Self.secret]))[1] == "secret ok")
    let different = try Self.provider(200, key, secrets: [Self.other])
    #expect(Self.verdicts(different)[1] == "secret failed")
    for finding in all + different {
      #expect(!finding.line.contains("whsec_") && !finding.line.contains("r8_0123"), "\(finding.line)")
    }
    let odd = #"{"key":"whsec_!"}"#
    #expect(Self.verdicts(try Self.provider(200, odd)).prefix(2) == ["token ok", "secret failed"])
  }

  @Test(arguments: [
    (0, "ok"), (10, "ok"), (-10, "ok"), (11, "warning"), (-300, "warning"), (301, "failed"),
    (-86_400, "failed"),
  ])
  func `a clock that differs is reported by how far signatures may be off`(
    _ difference: Int64, _ verdict: String
  ) throws {
    let findings = try Self.provider(200, #"{"key":"\#(Self.secret)"}"#, now: Self.now + difference)
    #expect(Self.verdicts(findings)[2] == "clock \(verdict)")
  }

  @Test func `an answer without a time skips the clock`() throws {
    for date in [nil, "", "yesterday"] {
      #expect(Self.verdicts(try Self.provider(200, "{}", date: date))[2] == "clock skipped")
    }
  }

  @Test(arguments: [401, 403, 404, 429, 500, 302])
  func `a refused token fails, and says where one is`(_ status: Int) throws {
    let findings = try Self.provider(status, #"{"title":"no","detail":"no","status":401}"#)
    #expect(Self.verdicts(findings).prefix(2) == ["token failed", "secret skipped"])
    #expect(findings[0].remedy?.contains("api-tokens") == true)
  }

  @Test func `nothing is called without a token`() throws {
    let findings = ProviderProbe.findings(
      try Self.settings([:]), secrets: [], now: { Self.now }, tolerance: 300
    ) { _ in
      Issue.record("called")
      return .failure(.unsent(""))
    }
    #expect(findings.allSatisfy { $0.verdict == .skipped })
  }

  private static func publicURL(
    get: Result<HTTPClientResponse, HTTPClientError>, post: Result<HTTPClientResponse, HTTPClientError>? = nil
  ) -> [Finding] {
    PublicURLProbe.findings("https://hooks.example.com") { request in
      #expect(request.url == "https://hooks.example.com/webhooks/replicate")
      #expect(request.isOnce && request.truncatesBody)
      return request.method == .get ? get : post ?? get
    }
  }

  private static let refusedGet = HTTPClientResponse(status: 405, fields: ["Allow": ["POST, OPTIONS"]])
  private static let refusedPost = HTTPClientResponse(
    status: 401, body: Array(#"{"code":"missing_headers"}"#.utf8))

  @Test func `a URL that leads to the daemon is ok, and the view is named`() {
    let findings = Self.publicURL(get: .success(Self.refusedGet), post: .success(Self.refusedPost))
    #expect(
      Self.verdicts(findings) == ["public URL ok", "certificate ok", "signature ok", "view warning"])
    #expect(findings[3].line.contains("called from this machine"))
  }

  @Test(arguments: [
    (301, "follows no redirect"), (200, "Another program"), (404, "Another program"), (403, "credentials"),
    (502, "does not reach the daemon"), (405, "Check the proxy"),
  ])
  func `an answer that is not the daemon's fails with what to do`(_ status: Int, _ remedy: String) {
    let response = HTTPClientResponse(
      status: status, fields: status == 301 ? ["Location": ["https://www.example.com/"]] : [:])
    let findings = Self.publicURL(get: .success(response), post: .success(Self.refusedPost))
    #expect(findings[0].verdict == .failed && findings[0].line.contains(remedy), "\(findings[0].line)")
  }

  @Test func `an unsigned POST that is accepted, or refused by another, fails`() {
    for response in [
      HTTPClientResponse(status: 200), HTTPClientResponse(status: 401, body: Array("<html>".utf8)),
    ] {
      let findings = Self.publicURL(get: .success(Self.refusedGet), post: .success(response))
      #expect(Self.verdicts(findings)[2] == "signature failed")
    }
  }

  @Test func `a certificate that is not valid is named as such`() {
    let findings = Self.publicURL(
      get: .failure(.unsent("SSL peer certificate or SSH remote key was not OK")))
    #expect(Self.verdicts(findings) == ["certificate failed"])
    #expect(
      Self.verdicts(Self.publicURL(get: .failure(.unsent("Could not resolve hostname")))) == [
        "public URL failed"
      ])
  }

  @Test func `a folder that is missing fails, and one that may be written is ok`() throws {
    let missing = FolderProbe.findings("/nowhere/at/all/jobs.db")
    #expect(Self.verdicts(missing) == ["folder failed"])
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("jobs.db").path
    #expect(Self.verdicts(FolderProbe.findings(path)).prefix(2) == ["folder ok", "owner ok"])
    _ = FileManager.default.createFile(
      atPath: path, contents: nil, attributes: [.posixPermissions: 0o644])
    let shared = FolderProbe.findings(path)
    #expect(Self.verdicts(shared)[1] == "owner warning" && shared[1].line.contains("chmod 600"))
  }

  @Test func `findings are one JSON document`() throws {
    let document = Finding.document([
      Finding("token", .ok, #"says "yes""#), Finding("space", .failed, "none", remedy: "Free some"),
    ])
    #expect(
      String(decoding: document, as: UTF8.self)
        == #"{"ok":false,"findings":[{"subject":"token","verdict":"ok","detail":"says \"yes\""},"#
        + #"{"subject":"space","verdict":"failed","detail":"none","remedy":"Free some"}]}"# + "\n")
  }
}
