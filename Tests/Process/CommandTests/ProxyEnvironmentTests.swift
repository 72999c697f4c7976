import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// Calls that use the environment's proxy, and calls that do not.
  @Suite struct ProxyEnvironmentTests {
    private static let token = "first-token-0123456789"

    private static func environment(naming proxy: StubAPI) -> [String: String] {
      Dictionary(
        uniqueKeysWithValues: ["http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"].map { ($0, proxy.url) })
    }

    private static func stub() throws -> StubAPI { try StubAPI { _, _ in .json(#"{"jobs":[]}"#) } }

    /// Under any name, because a proxy must not see the daemon's token.
    @Test(arguments: ["", "http://jobs.invalid:8081", "http://192.0.2.1:8081"])
    func theJobsAPIIsCalledDirectly(_ other: String) throws {
      let (proxy, api) = (try Self.stub(), try Self.stub())
      let arguments = ["jobs", "--json", "--api", other.isEmpty ? api.url : other]
      let result = try Program.run(
        arguments, environment: Self.environment(naming: proxy).merging(["API_TOKENS": Self.token]) { $1 })
      #expect(proxy.lines.isEmpty)
      #expect(result.status == (other.isEmpty ? 0 : 69), "\(result)")
      #expect(api.lines.count == (other.isEmpty ? 1 : 0))
    }

    /// For example REPLICATE_API_URL.
    @Test(arguments: ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "[::ffff:127.0.0.1]"])
    func aLoopbackAddressIsCalledDirectly(_ host: String) throws {
      let (proxy, receiver) = (try Self.stub(), try Self.stub())
      let url = receiver.url.replacingOccurrences(of: "127.0.0.1", with: host)
      _ = try Program.run(
        ["send", url + "/hook"],
        environment: Self.environment(naming: proxy).merging(["REPLICATE_WEBHOOK_SECRET": Daemon.secret]) {
          $1
        })
      #expect(proxy.lines.isEmpty && receiver.lines.contains("POST /hook"), "\(receiver.lines)")
    }

    @Test func theDaemonCallsAStandInForTheProviderDirectly() throws {
      let (proxy, provider) = (try Self.stub(), try Self.stub())
      let result = try Program.run(
        ["serve"],
        environment: Self.environment(naming: proxy).merging([
          "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": provider.url,
          "DATABASE_URL": "sqlite:/nowhere/jobs.db",
        ]) { $1 })
      #expect(result.status == 69 && proxy.lines.isEmpty && !provider.lines.isEmpty, "\(result)")
    }

    @Test func anyOtherAddressIsCalledThroughTheProxy() throws {
      let proxy = try Self.stub()
      _ = try Program.run(
        ["send", "http://hooks.invalid/hook"],
        environment: Self.environment(naming: proxy).merging(["REPLICATE_WEBHOOK_SECRET": Daemon.secret]) {
          $1
        })
      #expect(proxy.lines.contains("POST /hook"))
    }
  }
}
