import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Unusable listen addresses, rejected by `serve` and reported by `check`.
  @Suite struct AddressCheckTests {
    private let folder: TemporaryFolder
    private let environment: [String: String]

    init() throws {
      folder = try TemporaryFolder()
      environment = [
        "REPLICATE_WEBHOOK_SECRET": Daemon.secret, "WEBHOOK_LISTEN": "127.0.0.1:0",
        "DATABASE_URL": "sqlite:\(folder.url.path)/jobs.db",
      ]
    }

    private func run(_ verb: String, _ settings: [String: String]) throws -> Program.Result {
      try Program.run(
        ["5", Program.path, verb], environment: environment.merging(settings) { $1 },
        executable: "/usr/bin/timeout")
    }

    /// Any file refuses connect(2), as a socket without a listener does.
    @Test(arguments: ["API_LISTEN", "WEBHOOK_LISTEN"], ["serve", "check"])
    func aFileThatIsNoSocketStays(_ variable: String, _ verb: String) throws {
      let file = try folder.write("precious", to: "file")
      let link = "\(folder.url.path)/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
      for path in [file, link, folder.url.path] {
        let result = try run(verb, [variable: "unix:\(path)"])
        #expect(result.status == 78 && result.error.contains("\(variable): cannot listen on unix:\(path)"))
        #expect(result.error.contains("is no socket: move it away"), "\(result.error)")
      }
      #expect(try String(contentsOfFile: link, encoding: .utf8) == "precious")
      let links = try FileManager.default.attributesOfItem(atPath: link)
      #expect(links[.type] as? FileAttributeType == .typeSymbolicLink)
    }

    @Test func checkFindsAnAddressInUse() throws {
      let other = try Daemon(in: try TemporaryFolder())
      let busy = try run("check", ["API_LISTEN": "127.0.0.2:\(other.apiPort)"])
      #expect(
        busy.status == 78
          && busy.error.contains(
            "API_LISTEN: cannot listen on 127.0.0.2:\(other.apiPort) (bind: Address already"),
        "\(busy)")
      let foreign = try run("check", ["WEBHOOK_LISTEN": "192.0.2.1:80"])
      #expect(foreign.status == 78 && foreign.error.contains("choose an address that this machine has"))
      let socket = "unix:\(folder.url.path)/none/api"
      let missing = try run("check", ["API_LISTEN": socket])
      #expect(missing.status == 78 && missing.error.contains("check that its folder exists"))
    }

    /// The daemon that uses them is to be restarted with these settings.
    @Test func addressesOfTheDaemonOfThisDatabaseMayBeInUse() throws {
      let daemon = try Daemon(in: folder, environment: environment)
      let settings = [
        "WEBHOOK_LISTEN": "127.0.0.1:\(daemon.webhookPort)", "API_LISTEN": "127.0.0.2:\(daemon.apiPort)",
      ]
      let running = try run("check", settings)
      #expect(running.status == 0 && running.output.contains("a daemon serves this database"), "\(running)")
      #expect(daemon.stop() == 0)
      #expect(try run("check", settings).status == 0)
    }

    @Test func checkLeavesNothingBehind() throws {
      let settings = ["API_LISTEN": "unix:\(folder.url.path)/api"]
      #expect(try run("check", settings).status == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }
  }
}
