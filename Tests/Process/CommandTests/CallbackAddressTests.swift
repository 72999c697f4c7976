import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// URLs in a job's `callback` that lead inside, with a server there that would answer.
  @Suite struct CallbackAddressTests {
    /// A daemon whose jobs fail at once, because the provider refuses them.
    private static func daemon(hosts: String, proxy: StubAPI, provider: StubAPI) throws -> Daemon {
      let proxies = ["http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"].map { ($0, proxy.url) }
      return try Daemon(
        in: try TemporaryFolder(),
        environment: Dictionary(uniqueKeysWithValues: proxies).merging([
          "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": provider.url, "CALLBACK_HOSTS": hosts,
        ]) { $1 })
    }

    private static func provider() throws -> StubAPI {
      try StubAPI { _, _ in .problem(.unprocessableContent, "invalid") }
    }

    private static func create(_ url: String, at daemon: Daemon) throws -> HTTPAnswer {
      try daemon.post(#"{"model":"a/b","input":{},"callback":{"url":"\#(url)"}}"#)
    }

    /// The callback to a host, once it has been tried.
    private static func triedCallback(of daemon: Daemon, to host: String) throws -> [String: Any] {
      var callback: [String: Any] = [:]
      try wait("a try of the callback") {
        let page = try JSONSerialization.jsonObject(with: Data(daemon.fetch("/callbacks").body))
        let callbacks = (page as? [String: Any])?["callbacks"] as? [[String: Any]] ?? []
        callback = callbacks.first { ($0["host"] as? String ?? "").hasPrefix(host) } ?? [:]
        return callback["tries"] as? Int ?? 0 > 0
      }
      return callback
    }

    @Test(arguments: [
      "http://127.0.0.1:PORT/", "http://[::1]:PORT/", "http://0.0.0.0:PORT/",
      "http://[::ffff:127.0.0.1]:PORT/",
      "http://127.1:PORT/", "http://0x7f.1:PORT/", "http://2130706433:PORT/", "http://localhost.:PORT/",
      "http://inside.localhost:PORT/", "http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/",
      "http://10.0.0.1@127.0.0.1:PORT/", #"http://10.0.0.1:PORT\\@localhost/"#, "file:///etc/passwd",
      "http://[64:ff9b::127.0.0.1]:PORT/",
    ])
    func `a host that is not listed is refused when the job is created`(_ template: String) throws {
      let (inside, proxy, provider) = (
        try StubAPI { _, _ in .json("") }, try Self.provider(), try Self.provider()
      )
      let daemon = try Self.daemon(hosts: "localhost,10.0.0.0/8", proxy: proxy, provider: provider)
      let url = template.replacing("PORT", with: inside.url.split(separator: ":").last ?? "")
      let answer = try Self.create(url, at: daemon)
      #expect(answer.status == 422 && answer.text.contains("callback"), "\(answer.text)")
      #expect(inside.lines.isEmpty && proxy.lines.isEmpty && provider.lines.isEmpty)
    }

    /// The name is listed, and its address is not.
    @Test func `a listed name is refused where it leads`() throws {
      let (inside, proxy, provider) = (
        try StubAPI { _, _ in .json("") }, try Self.provider(), try Self.provider()
      )
      let daemon = try Self.daemon(hosts: "localhost,10.0.0.0/8", proxy: proxy, provider: provider)
      let url = inside.url.replacing("127.0.0.1", with: "localhost") + "/hook"
      #expect(try Self.create(url, at: daemon).status == 202)
      let callback = try Self.triedCallback(of: daemon, to: "localhost")
      let error = callback["error"] as? String ?? ""
      #expect(error.contains("is a loopback address, and must not be called"), "\(callback)")
      #expect(inside.lines.isEmpty && proxy.lines.isEmpty)
    }

    /// The proxy of the environment is for the provider and for the operator's own URLs.
    @Test func `a listed range is called, and never through a proxy`() throws {
      let (inside, proxy, provider) = (
        try StubAPI { _, _ in .json("") }, try Self.provider(), try Self.provider()
      )
      let daemon = try Self.daemon(
        hosts: "localhost,127.0.0.0/8,*.invalid", proxy: proxy, provider: provider)
      let url = inside.url.replacing("127.0.0.1", with: "localhost") + "/hook"
      #expect(try Self.create(url, at: daemon).status == 202)
      try wait("the callback") { inside.lines == ["POST /hook"] }
      #expect(try Self.create("https://hooks.invalid/hook", at: daemon).status == 202)
      let callback = try Self.triedCallback(of: daemon, to: "hooks.invalid")
      #expect(callback["state"] as? String == "pending", "\(callback)")
      #expect(proxy.lines.isEmpty)
    }
  }
}
