import Foundation
import LiveDaemon
import PostgreSQLServer
import Testing

extension FleetTests {
  /// The README's commands and samples, run against a daemon and the simulator.
  @Suite struct ReadmeTests {
    /// Where the daemon stores the jobs: with another `DATABASE_URL` nothing else changes.
    enum Place: String, CaseIterable {
      case file
      case server

      static let available = allCases.filter { $0 == .file || PostgreSQLServer.isAvailable }
    }

    /// The database must live as long as the station.
    private static func station(
      _ place: Place, _ simulated: [String]
    ) throws -> (station: Station, database: TestDatabase?) {
      guard place == .server else { return (try Station(simulated), nil) }
      let database = try PostgreSQLServer.shared().makeDatabase()
      return (try Station(simulated, ["DATABASE_URL": database.url]), database)
    }

    private static let address = "http://127.0.0.1:8081"

    private static func readme() throws -> String {
      try String(contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
    }

    /// The text between two lines.
    private static func text(from begin: String, to end: String) throws -> String {
      let parts = try readme().components(separatedBy: begin)
      guard parts.count > 1 else { throw Unusable("the README has no \(begin)") }
      return parts[1].components(separatedBy: end)[0]
    }

    private static func python(at station: Station) throws -> String {
      let first = "import http.client"
      let sample = try first + text(from: "```python\n\(first)", to: "```")
      return sample.replacing(address, with: "http://127.0.0.2:\(station.apiPort)")
    }

    /// The commands of one section, each with its continuation lines.
    private static func commands(from begin: String, to end: String) throws -> [String] {
      var commands: [String] = []
      for line in try text(from: begin, to: end).components(separatedBy: "\n") {
        if line.hasPrefix("$ ") {
          commands.append(String(line.dropFirst(2)))
        } else if let last = commands.last, last.hasSuffix("\\") {
          commands[commands.count - 1] = last + "\n" + line
        }
      }
      return commands
    }

    /// Runs the commands in order, because later ones use earlier jobs.
    @Test(arguments: Place.available)
    func everyCommandOfTheWalkWorksAsPasted(_ place: Place) throws {
      let (station, database) = try Self.station(place, ["--duration", "300ms"])
      defer { withExtendedLifetime(database) {} }
      let commands = try Self.commands(from: "## Run a job\n", to: "## On a laptop\n")
        .filter { $0.hasPrefix("curl ") }
      #expect(commands.count >= 8 && commands.contains { $0.contains("/cancel") })
      for command in commands {
        let pasted = command.replacing(Self.address, with: "http://127.0.0.2:\(station.apiPort)")
        // A reader takes longer to type it.
        if command.contains("/lamp-3/retry") { _ = try station.job("lamp-3", in: ["canceled"]) }
        let result = try Program.run(["-c", pasted], executable: "/bin/bash")
        if command.contains("-X DELETE") {
          #expect(result.status == 0 && !result.output.contains("\"code\""), "\(command): \(result.output)")
          continue
        }
        if command.hasPrefix("curl -sN") {
          #expect(
            result.status == 0 && result.output.contains("event: job\n"), "\(command): \(result.output)")
          continue
        }
        let answer = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        #expect(result.status == 0 && answer?["state"] != nil, "\(command): \(result.output)\(result.error)")
      }
      #expect(try station.job("lamp-1", in: ["succeeded"])["progress"] as? Int == 1)
      #expect(try station.daemon.fetch("/jobs/lamp-3").status == 404)
      _ = try station.job("four", in: ["failed"])
      #expect(try station.errorCode(of: "four") == "invalid_output")
    }

    /// SIGKILL while the sample waits, and seconds without a daemon.
    @Test(arguments: Place.available)
    func thePythonSampleOutlivesARestart(_ place: Place) throws {
      let (station, database) = try Self.station(place, ["--duration", "2s"])
      defer { withExtendedLifetime(database) {} }
      let output = URL(fileURLWithPath: try station.folder.write("", to: "python-output"))
      let process = ChildProcess()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      process.arguments = ["-c", try Self.python(at: station)]
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = process.standardOutput
      process.standardInput = FileHandle.nullDevice
      try StartingThread.run(process)
      defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
      try wait("the sample has created its job") {
        try station.daemon.fetch("/jobs/lamp-2").status == 200
      }
      station.daemon.killAtOnce()
      let back = Date().addingTimeInterval(1.5)
      try wait("the sample has met no daemon") { Date() >= back }
      try station.replaceDaemon()
      // Where the kill hit the call that creates the prediction, a minute of searching for it comes first.
      try wait("the sample ends", seconds: 150) { !process.isRunning }
      let text = try String(contentsOf: output, encoding: .utf8)
      #expect(process.terminationStatus == 0 && text.hasPrefix("['\(station.simulator.url)/xezq/"), "\(text)")
    }

    @Test(arguments: Place.available)
    func thePythonSampleShowsWhyItWasRefused(_ place: Place) throws {
      let (station, database) = try Self.station(place, ["--duration", "100ms"])
      defer { withExtendedLifetime(database) {} }
      _ = try station.submit(#"{"id":"lamp-2","model":"demo/text","input":{}}"#)
      let result = try Program.run(["-c", try Self.python(at: station)], executable: "/usr/bin/python3")
      #expect(result.status == 1)
      #expect(
        result.error.contains("409") && result.error.contains(#""code":"conflict","detail":"#),
        "\(result.error)")
    }
  }
}
