import EventLoop
import HTTPClient
import HTTPWire
import Stubs
@testable import System
import Testing
@testable import Time

/// Calls over the network, to a server in this process.
@Suite struct CurlClientTests {
  private typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

  private static func send(
    _ request: HTTPClientRequest, threads: Int = 1
  ) async throws -> Result<HTTPClientResponse, HTTPClientError> {
    let client = try CurlClient(threads: threads, named: "test")
    defer { client.close() }
    return await client.send(request)
  }

  @Test func `a response has its status, its fields and its content`() async throws {
    let api = try StubAPI { request, _ in
      Response(
        status: .tooManyRequests, fields: [("Retry-After", "7"), ("ETag", "\"1\"")],
        body: Array("\(request.line) \(request.body) \(request.fields["authorization"] ?? "")".utf8))
    }
    let request = HTTPClientRequest(.post, api.url + "/a", fields: ["Authorization: x"], body: [0x62])
    let response = try await Self.send(request).get()
    #expect(response.status == 429 && response.retryAfter == "7" && response.entityTag == "\"1\"")
    #expect(String(decoding: response.body, as: UTF8.self) == "POST /a b x")
  }

  /// The token would be sent to another host.
  @Test(arguments: [301, 302, 303, 307, 308])
  func `a redirect is not followed`(_ status: Int) async throws {
    let target = try StubAPI { _, _ in .json("{}") }
    let server = try RawServer()
    let client = try CurlClient(threads: 1, named: "test")
    let url = server.url
    async let response = client.send(HTTPClientRequest(.get, url, fields: ["Authorization: x"]))
    let connection = try #require(await server.accept())
    await server.answer(
      "HTTP/1.1 \(status) Found\r\nLocation: \(target.url)/b\r\nContent-Length: 0\r\n\r\n", on: connection)
    #expect(try await response.get().status == status)
    client.close()
    #expect(target.lines == [])
  }

  /// libcurl sends a request again if a reused connection ends without a response.
  @Test func `a call that is made once gets a connection of its own`() async throws {
    let server = try RawServer()
    let client = try CurlClient(threads: 1, named: "test")
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    var request = HTTPClientRequest(.post, server.url)
    request.isOnce = true
    for _ in 0..<2 {
      async let response = client.send(request)
      let connection = try #require(await server.accept())
      await server.answer(ok, on: connection)
      #expect(try await response.get().status == 200)
    }
    async let lost = client.send(request)
    let connection = try #require(await server.accept())
    await server.close(connection)
    guard case .failure(.unanswered) = await lost else {
      return #expect(Bool(false), "the call had an answer")
    }
    #expect(await server.accept(pauses: 20) == nil)
    client.close()
  }

  @Test func `a call that reaches nobody is unsent`() async throws {
    let outcome = try await Self.send(HTTPClientRequest(.get, "http://127.0.0.1:1/"))
    guard case .failure(.unsent) = outcome else { return #expect(Bool(false), "\(outcome)") }
  }

  @Test func `content beyond its limit is refused with the status`() async throws {
    let api = try StubAPI { _, _ in .json(String(repeating: "x", count: 1001), .created) }
    var request = HTTPClientRequest(.get, api.url)
    request.maxBodyBytes = 1000
    #expect(try await Self.send(request) == Outcome.failure(.oversized(status: 201)))
    request.maxBodyBytes = 1001
    #expect(try await Self.send(request).get().body.count == 1001)
  }

  /// More calls than threads wait their turn, and each gets its own response.
  @Test func `many calls share few threads`() async throws {
    let api = try StubAPI { request, _ in .json(request.line) }
    let (client, url) = (try CurlClient(threads: 3, named: "test"), api.url)
    let bodies = await withTaskGroup(of: String.self) { group in
      for number in 0..<50 {
        group.addTask {
          let response = try? await client.send(HTTPClientRequest(.get, "\(url)/\(number)")).get()
          return String(decoding: response?.body ?? [], as: UTF8.self)
        }
      }
      return await group.reduce(into: Set()) { $0.insert($1) }
    }
    client.close()
    #expect(bodies == Set((0..<50).map { "GET /\($0)" }))
    #expect(await client.send(HTTPClientRequest(.get, api.url)) == .failure(.unsent("the client is closed")))
  }

  /// The loop goes on while its calls are in flight, and their tasks go on there.
  @Test func `a call resumes its task on its loop`() throws {
    let api = try StubAPI { request, _ in .json(request.line) }
    let client = try CurlClient(threads: 1, named: "test")
    defer { client.close() }
    let loop = EventLoop(kernel: try LinuxKernel())
    let (status, url) = (OneShot<Int?>(), api.url)
    loop.start {
      let response = try? await client.send(HTTPClientRequest(.get, url)).get()
      loop.checkIsolated()
      status.set(response?.status)
      loop.stop()
    }
    loop.run()
    #expect(status.wait() == 200)
  }

  /// Whether it is in flight, or waits for a thread.
  @Test func `a canceled call ends soon`() async throws {
    let server = try RawServer()
    let client = try CurlClient(threads: 1, named: "test")
    var request = HTTPClientRequest(.post, server.url)
    request.timeout = .seconds(3600)
    let calls = (0..<3).map { [request] _ in Task { await client.send(request) } }
    #expect(await server.accept() != nil)
    let begin = MonotonicClock.now
    for call in calls { call.cancel() }
    for call in calls {
      guard case .failure = await call.value else { return #expect(Bool(false), "an answer from nobody") }
    }
    // Uncanceled, each would last an hour. Other tests may keep the threads of tasks busy for a while.
    #expect(MonotonicClock.now - begin < .seconds(300))
    client.close()
  }
}
