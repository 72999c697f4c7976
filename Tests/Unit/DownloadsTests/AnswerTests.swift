import Crypto
import Bytes
@testable import Downloads
import FileServer
import Foundation
import HTTPClient
import Testing
import Time

/// Answers without a file, and redirects.
@Suite struct AnswerTests {
  @Test(arguments: [
    (404, DownloadFailure.Code.notFound), (410, .notFound), (403, .denied), (401, .denied), (400, .refused),
    (500, .sourceBusy), (429, .sourceBusy), (206, .refused), (416, .refused), (204, .refused),
  ])
  func `an answer without the file has a code`(_ status: Int, _ code: DownloadFailure.Code) throws {
    let server = try FileServer { _, number in
      number == 0
        ? .init(status, ["Retry-After: 9"], status == 204 ? [] : sample(100)) : .init(200, [], [7])
    }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a?secret"), from: server)
    #expect(failure.code == code)
    #expect(failure.message == "\(status) from 127.0.0.1:\(server.port)")
    #expect(failure.retryAfter == (code == .sourceBusy ? .seconds(9) : nil))
    #expect(scenario.names == [])
    #expect(try scenario.file(server.url("/a?secret"), from: server).size == 1)
  }

  @Test func `a server that is away is busy`() throws {
    let scenario = try Scenario()
    var server: FileServer? = try FileServer { _, _ in .init(200) }
    let (origin, url) = (server?.origin, server?.url("/a") ?? "")
    server = nil
    let rules = SourceRules(apiURL: origin)
    let downloader = Downloader(
      client: try BlockingHTTPClient(usesProxy: false), rules: rules, spool: scenario.spool)
    let outcome = downloader.download(
      try #require(rules.source(url)), as: Scenario.key, now: .distantFuture)
    guard case .failed(let failure) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(failure.code == .sourceBusy)
    #expect(scenario.names == [])
  }

  @Test(arguments: [301, 302, 303, 307, 308])
  func `redirects are followed three times`(_ status: Int) throws {
    let server = try FileServer { request, number in
      number < 3
        ? .init(status, ["Location: ../\(number)/b.gif"], [1, 2]) : .init(200, [], Array("GIF89a".utf8))
    }
    let scenario = try Scenario()
    let file = try scenario.file(server.url("/x/a"), from: server)
    #expect(file.name == "b.gif" && file.size == 6)
    #expect(server.requests.map(\.target) == ["/x/a", "/0/b.gif", "/1/b.gif", "/2/b.gif"])
  }

  @Test func `four redirects in a row are too many`() throws {
    let server = try FileServer { _, _ in .init(302, ["Location: /a"]) }
    let failure = try Scenario().failure(server.url("/a"), from: server)
    #expect(failure.code == .redirectRefused && failure.code.finality == .always)
    #expect(server.requests.count == 4)
  }

  @Test(arguments: [
    "http://replicate.delivery/a", "https://evil.test/a", "//evil.test/a", "https://169.254.169.254/",
    "http://[::1]/", "https://replicate.delivery@evil.test/", "https://replicate.delivery:8443/",
    "file:///etc/passwd",
    "data:,x", "javascript:x", "\\\\evil.test", "http://127.0.0.1:PORT/a", "http://localhost:PORT/a",
    "//127.0.0.1:PORT/",
  ])
  func `a redirect elsewhere is refused, and nothing is sent there`(_ location: String) throws {
    let other = try FileServer { _, _ in .init(200, [], [1]) }
    let target = location.replacingOccurrences(of: "PORT", with: "\(other.port)")
    let server = try FileServer { request, _ in
      request.target == "/a" ? .init(302, ["Location: \(target)"]) : .init(404)
    }
    let scenario = try Scenario()
    let failure = try scenario.failure(server.url("/a"), from: server)
    #expect(failure.code == .redirectRefused)
    #expect(other.requests.isEmpty && server.requests.count == 1)
    #expect(scenario.names == [])
  }

  @Test func `a redirect without a location is refused`() throws {
    let server = try FileServer { _, _ in .init(302) }
    #expect(try Scenario().failure(server.url("/a"), from: server).code == .refused)
  }

  @Test(arguments: [
    "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
  ])
  func `an allowed name that leads inside is not connected to`(_ address: String) throws {
    let scenario = try Scenario()
    scenario.pinnedAddresses = ["replicate.delivery:443:\(address.contains(":") ? "[\(address)]" : address)"]
    let failure = try scenario.failure("https://replicate.delivery/a")
    #expect(failure.code == .addressRefused && failure.code.finality == .always)
    #expect(scenario.names == [])
  }

  @Test func `a redirect to an allowed name that leads inside is not connected to`() throws {
    let server = try FileServer { _, _ in .init(302, ["Location: https://replicate.delivery/a"]) }
    let scenario = try Scenario()
    scenario.pinnedAddresses = ["replicate.delivery:443:127.0.0.1"]
    #expect(try scenario.failure(server.url("/a"), from: server).code == .addressRefused)
  }
}
