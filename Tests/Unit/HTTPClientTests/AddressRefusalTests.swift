import ClientAddress
import EventLoop
@testable import HTTPClient
import HTTPWire
import Stubs
@testable import System
import Testing

/// Hosts that a URL of others must not reach, with a server on each that would answer.
@Suite struct AddressRefusalTests {
  /// The server of a machine's inside: on every IPv4 address, and on ::1.
  private static func inside() throws -> [StubAPI] {
    let first = try StubAPI(on: .ipv4(host: "0.0.0.0", port: 0)) { _, _ in .json("inside") }
    let port = try #require(UInt16(first.url.split(separator: ":").last ?? ""))
    return [first, try StubAPI(on: .ipv6(host: "::1", port: port)) { _, _ in .json("inside") }]
  }

  private static func port(of servers: [StubAPI]) -> Substring {
    servers[0].url.split(separator: ":").last ?? ""
  }

  private static func lines(of servers: [StubAPI]) -> [String] { servers.flatMap(\.lines) }

  private static func send(
    to host: String, of servers: [StubAPI], _ policy: AddressPolicy, pinned: String? = nil
  ) throws -> Result<HTTPClientResponse, HTTPClientError> {
    let client = try BlockingHTTPClient(usesProxy: false)
    client.pinnedAddresses = pinned.map { ["\(host):\(port(of: servers)):\($0)"] } ?? []
    var request = HTTPClientRequest(.post, "http://\(host):\(port(of: servers))/hook", body: [0x78])
    request.addresses = policy
    do throws(HTTPClientError) { return .success(try client.send(request)) } catch { return .failure(error) }
  }

  private static let loopback = ["127.0.0.1", "::1"]

  /// Each host, and the addresses that a refusal of it may name.
  private static let hosts: [(String, [String])] = [
    ("127.0.0.1", loopback), ("127.0.0.2", ["127.0.0.2"]), ("[::1]", loopback), ("0.0.0.0", ["0.0.0.0"]),
    ("[::]", ["::"]), ("[::ffff:127.0.0.1]", ["127.0.0.1"]), ("[::ffff:7f00:1]", ["127.0.0.1"]),
    ("127.1", loopback), ("0x7f.1", loopback), ("0x7f000001", loopback), ("2130706433", loopback),
    ("017700000001", loopback), ("0", ["0.0.0.0"]), ("localhost", loopback),
    ("LOCALHOST", loopback), ("app.localhost", loopback), ("%6c%6f%63%61%6c%68%6f%73%74", loopback),
    ("user:pass@localhost", loopback),
  ]

  @Test(arguments: hosts)
  func `a host of this machine is refused at connect`(_ host: String, _ addresses: [String]) throws {
    let servers = try Self.inside()
    let outcome = try Self.send(to: host, of: servers, .publicAddresses())
    guard case .failure(.addressRefused(let refusal)) = outcome else {
      return #expect(Bool(false), "\(outcome)")
    }
    #expect(addresses.contains(refusal.address.description))
    #expect(Self.lines(of: servers) == [])
  }

  /// As far as this machine's network leads there; without the policy each is a server that answers.
  @Test(arguments: ["127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "127.1", "0x7f.1", "localhost"])
  func `the same hosts answer once their range is listed`(_ host: String) throws {
    let servers = try Self.inside()
    let ranges = try ["127.0.0.0/8", "::1", "0.0.0.0/8"].map { try AddressRange(parsing: $0) }
    for policy in [AddressPolicy.publicAddresses(and: ranges), .only(ranges)] {
      #expect(try Self.send(to: host, of: servers, policy).get().status == 200)
    }
    #expect(Self.lines(of: servers) == ["POST /hook", "POST /hook"])
  }

  /// The check is of the address at connect, so no answer of a name server passes it.
  @Test(arguments: [
    "127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127.0.0.1,10.0.0.1", "[::1],127.0.0.1",
  ])
  func `a name is refused where it leads`(_ address: String) throws {
    let servers = try Self.inside()
    let outcome = try Self.send(to: "app.example", of: servers, .publicAddresses(), pinned: address)
    guard case .failure(.addressRefused) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(Self.lines(of: servers) == [])
  }

  /// The refused address is skipped, and no other is tried instead of the allowed one.
  @Test func `of several addresses only allowed ones are called`() throws {
    let servers = try Self.inside()
    let policy = AddressPolicy.only([try AddressRange(parsing: "127.0.0.2")])
    let answer = try Self.send(to: "app.example", of: servers, policy, pinned: "127.0.0.1,127.0.0.2").get()
    #expect(answer.status == 200 && Self.lines(of: servers) == ["POST /hook"])
  }

  @Test func `a connection that another policy allowed is not reused`() throws {
    let servers = try Self.inside()
    let client = try BlockingHTTPClient(usesProxy: false)
    client.pinnedAddresses = ["app.example:\(Self.port(of: servers)):127.0.0.1"]
    var request = HTTPClientRequest(.post, "http://app.example:\(Self.port(of: servers))/hook")
    #expect(try client.send(request).status == 200)
    request.addresses = .publicAddresses()
    let error = #expect(throws: HTTPClientError.self) { try client.send(request) }
    guard case .addressRefused(let refusal) = error else { return #expect(Bool(false), "\(error as Any)") }
    #expect(refusal.use == .loopback && Self.lines(of: servers) == ["POST /hook"])
    request.addresses = .everyAddress
    #expect(try client.send(request).status == 200)
  }

  @Test func `a redirect to this machine is not followed`() async throws {
    let servers = try Self.inside()
    let outside = try RawServer()
    let client = try CurlClient(threads: 1, named: "test")
    defer { client.close() }
    var request = HTTPClientRequest(.post, outside.url)
    request.addresses = .only([try AddressRange(parsing: "127.0.0.1")])
    async let response = client.send(request)
    let connection = try #require(await outside.accept())
    await outside.answer(
      "HTTP/1.1 307 Moved\r\nLocation: http://localhost:\(Self.port(of: servers))/\r\n"
        + "Content-Length: 0\r\n\r\n",
      on: connection)
    #expect(try await response.get().status == 307)
    #expect(Self.lines(of: servers) == [])
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/"])
  func `only HTTP is spoken`(_ url: String) throws {
    let error = #expect(throws: HTTPClientError.self) {
      try BlockingHTTPClient().send(HTTPClientRequest(.get, url))
    }
    guard case .unsent = error else { return #expect(Bool(false), "\(error as Any)") }
  }

  @Test(arguments: [0, 999, 1000, 1001, 300_000])
  func `content can be cut at its limit`(_ count: Int) throws {
    let api = try StubAPI { _, _ in .json(String(repeating: "x", count: count), .created) }
    var request = HTTPClientRequest(.post, api.url)
    request.maxBodyBytes = 1000
    request.truncatesBody = true
    let client = try BlockingHTTPClient()
    for _ in 0..<2 {
      let response = try client.send(request)
      #expect(response.status == 201 && response.body.count == min(count, 1000))
    }
  }
}
