import FaultyDisk
import Foundation
import JSONText
import LiveDaemon
import Testing
import WorkflowGraphs

extension FleetTests {
  /// The documented workflows, as they are printed, with the models of `deploy/examples`.
  ///
  /// WORKFLOW_KILLS is the number of kills during each of them.
  @Suite struct WorkflowTests {
    private static let kills =
      ProcessInfo.processInfo.environment["WORKFLOW_KILLS"].flatMap { Int($0) } ?? 1

    private static func station(_ faults: [String] = []) throws -> Station {
      let models = Program.root.appendingPathComponent("deploy/examples/models.json").path
      return try Station(["--models", models, "--create-rate", "60000", "--retry-window", "3s"] + faults)
    }

    /// The number of predictions that an example needs with these models.
    private static func predictionCount(of example: WorkflowExample) -> Int {
      switch example {
      case .one: 1
      case .chain, .fall: 3
      case .four: 5
      default: 2
      }
    }

    @Test(arguments: ["", "--duplicate", "--reorder", "--lose"])
    func `the examples end with the outputs of their jobs, byte for byte`(_ fault: String) throws {
      let station = try Self.station(fault.isEmpty ? [] : [fault, "1"])
      for example in WorkflowExample.documented { try Self.submit(example, example.id, to: station) }
      for example in WorkflowExample.documented { try Self.check(example, example.id, on: station) }
      try Self.checkPredictions(of: station, rounds: 1)
    }

    @Test func `a kill during an example changes neither its output nor what is paid for`() throws {
      let station = try Self.station()
      var lost = 0
      for round in 0..<Self.kills {
        for example in WorkflowExample.documented {
          let id = "\(example.id)\(round)"
          try Self.submit(example, id, to: station)
          poll(nil, 0, Int32.random(in: 0...1500))
          try station.replaceDaemon()
          do { try Self.check(example, id, on: station) } catch {
            lost += 1
            Issue.record("\(id): \(error)")
          }
        }
      }
      let twice = try Self.checkPredictions(of: station, rounds: Self.kills)
      let count = Self.kills * WorkflowExample.documented.count
      ProofRecord.note(
        "kill -9 in a workflow", rounds: count, acknowledged: count, lost: lost, appliedTwice: twice)
    }

    // MARK: one example

    private static func submit(_ example: WorkflowExample, _ id: String, to station: Station) throws {
      let body = example.body.replacing(#""id":"\#(example.id)""#, with: #""id":"\#(id)""#)
        // There is no such app.
        .replacing(#""callback":{"url":"https://app.example/hooks/workflows"},"#, with: "")
      let answer = try Caller(station.apiPort).post("/workflows", body)
      guard answer.status == 202 else { throw Unusable("no workflow was made: \(answer.text)") }
    }

    private static func check(_ example: WorkflowExample, _ id: String, on station: Station) throws {
      var document: [UInt8] = []
      try wait("the end of \(id)", seconds: 120) {
        document = try station.daemon.fetch("/workflows/\(id)").body
        let state = member("state", of: document) ?? ""
        guard !["\"failed\"", "\"canceled\""].contains(state) else {
          throw Unusable(String(decoding: document, as: UTF8.self))
        }
        return state == "\"succeeded\""
      }
      func output(_ job: String) throws -> String {
        let job = try station.daemon.fetch("/jobs/w-\(id)-\(job)").body
        return try #require(member("output", of: job), "\(String(decoding: job, as: UTF8.self))")
      }
      let expected: String
      switch example {
      case .one, .gate: expected = try output("image-0-1")
      case .chain: expected = #"{"file":\#(try output("upscale-0-1")),"alt":"A desk lamp on oak."}"#
      case .four:
        let scenes = try (0..<4).map { try output("scene-\($0)-1") }.joined(separator: ",")
        expected = #"{"grid":\#(try output("grid-0-1")),"scenes":[\#(scenes)]}"#
      case .fall: expected = try output("sound-0-1")
      default: expected = try output("lips-0-1")
      }
      #expect(member("output", of: document) == expected)
      let steps = try Caller(station.apiPort).get("/workflows/\(id)")["steps"] as? [[String: Any]] ?? []
      let jobs = steps.flatMap { $0["jobs"] as? [String] ?? [] }
      #expect(jobs.count == predictionCount(of: example) && Set(jobs).count == jobs.count)
    }

    /// Each job has one prediction.
    ///
    /// - Returns: how many there are too many.
    @discardableResult
    private static func checkPredictions(of station: Station, rounds: Int) throws -> Int {
      let overview = try station.simulator.overview()
      let count = rounds * WorkflowExample.documented.reduce(0) { $0 + predictionCount(of: $1) }
      #expect(overview.predictions.allSatisfy { $0.createCount == 1 })
      #expect(overview.created == count)
      return overview.created - count
    }

    /// The exact text of a member of a document.
    private static func member(_ name: String, of document: [UInt8]) -> String? {
      guard let object = try? JSONScanner.object(document.span),
        let value = object.value(named: name, in: document.span)
      else { return nil }
      return String(decoding: document[value.range], as: UTF8.self)
    }
  }
}
