import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// The verb `workflow` at a daemon, with the simulated models of the examples.
  @Suite struct WorkflowVerbTests {
    private static let examples = Program.root.appendingPathComponent("deploy/examples")

    private static func station() throws -> Station {
      try Station(["--models", examples.appendingPathComponent("models.json").path, "--duration", "200ms"])
    }

    private static func workflow(_ arguments: [String], at station: Station) throws -> Program.Result {
      try Program.run(["workflow"] + arguments + ["--api", "http://127.0.0.2:\(station.apiPort)"])
    }

    @Test func `the chain of the README prints its output`() throws {
      let station = try Self.station()
      let chain = Self.examples.appendingPathComponent("chain.json").path
      let result = try Self.workflow(["run", chain, "-i", "prompt=two herons", "--id", "c1"], at: station)
      #expect(result.status == 0, "\(result)")
      let output = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: String]
      #expect(output?["file"]?.hasPrefix(station.simulator.url + "/xezq/") == true)
      #expect(output?["alt"]?.isEmpty == false)
      for line in ["c1  image  succeeded", "c1  caption  succeeded"] {
        #expect(result.error.contains(line + "\n"), "\(result.error)")
      }
      #expect(try station.daemon.job("w-c1-caption-0-1")["workflow"] as? String == "c1")
      let input = try station.daemon.job("w-c1-caption-0-1")["input"] as? [String: String]
      #expect(input?["prompt"] == "Describe two herons" && input?["image"] == output?["file"])
      // The same command finds the same workflow.
      let again = try Self.workflow(["run", chain, "-i", "prompt=two herons", "--id", "c1"], at: station)
      #expect(again.status == 0 && again.output == result.output)
      let other = try Self.workflow(["run", chain, "--id", "c1"], at: station)
      #expect(
        other.status == 65 && other.error.contains("409 conflict")
          && other.error.contains("`input.prompt` differs"))
      let list = try Self.workflow(["list", "--state", "succeeded"], at: station)
      #expect(list.output.contains(#""id":"c1""#) && !list.output.contains("herons"))
    }

    @Test func `a failed workflow is shown, resumed and canceled`() throws {
      let station = try Self.station()
      let file = try station.folder.write(
        #"""
        {"id":"f1","steps":[{"name":"text","model":"demo/text","input":{}},
          {"name":"video","model":"acme/video-large","input":{"prompt":{"$text":[{"$from":"text"}]}}}]}
        """#, to: "fail.json")
      let failed = try Self.workflow(["run", file], at: station)
      #expect(failed.status == 1 && failed.output.isEmpty)
      #expect(
        failed.error.contains("f1 failed: step video: unknown: out of luck")
          && failed.error.contains("resume f1"),
        "\(failed.error)")
      let resumed = try Self.workflow(["resume", "f1", "--follow", "--json"], at: station)
      let document = try JSONSerialization.jsonObject(with: Data(resumed.output.utf8)) as? [String: Any]
      #expect(resumed.status == 1 && document?["attempt"] as? Int == 2, "\(resumed)")
      let steps = document?["steps"] as? [[String: Any]]
      #expect(steps?.first?["jobs"] as? [String] == ["w-f1-text-0-1"])
      #expect(steps?.last?["jobs"] as? [String] == ["w-f1-video-0-1", "w-f1-video-0-2"])
      #expect(try Self.workflow(["cancel", "f1"], at: station).output == "f1 has ended: failed\n")
      let refused = try Self.workflow(
        ["run", station.folder.write(#"{"steps":[{"name":"a"}]}"#, to: "x")], at: station)
      #expect(
        refused.status == 65 && refused.error.contains("422 invalid_workflow")
          && refused.error.contains("`a`"))
      #expect(try Self.workflow(["show", "none"], at: station).status == 1)
      #expect(try Self.workflow(["resume", "none"], at: station).status == 1)
    }

    @Test func `a canceled workflow is the exit status 2`() throws {
      let station = try Self.station()
      let file = try station.folder.write(
        #"{"id":"s1","steps":[{"name":"slow","model":"demo/slow","input":{}}]}"#, to: "slow.json")
      #expect(try Self.workflow(["run", file, "--detach"], at: station).output == "s1\n")
      #expect(try Self.workflow(["cancel", "s1"], at: station).output == "s1 is being canceled\n")
      let end = try Self.workflow(["show", "s1", "--follow"], at: station)
      #expect(end.status == 2 && end.error.contains("s1 was canceled"), "\(end)")
    }
  }
}
