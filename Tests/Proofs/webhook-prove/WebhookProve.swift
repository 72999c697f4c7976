import ArgumentParser
import Foundation
import Proofs

@main
struct WebhookProve: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "webhook-prove",
    abstract: "Runs a daemon through faults, and counts acknowledged deliveries that it has lost.",
    discussion: """
      Prints one table. The exit status is 1 if anything was lost or applied twice, or a fault was not
      survived.
      deploy/prove.sh builds what this needs, and adds the proofs that are tests.
      """)

  @Option(help: "The replicate-webhookd to start.")
  var daemon: String

  @Flag(help: "Realistic fault durations, and more rounds.")
  var long = false

  @Option(
    parsing: .upToNextOption,
    help: "Only these: \(Fault.allCases.map(\.rawValue).joined(separator: ", ")). Put it last.")
  var only: [Fault] = []

  @Option(help: "Kills of the daemon (default: 10, with --long 200); with --long also faults on PostgreSQL.")
  var kills: Int?

  @Option(help: "Deliveries of the soak (default: 50000, with --long 10000000).")
  var soak: Int?

  @Option(help: "The seed (default: a new one; it is printed).")
  var seed: UInt64?

  @Option(help: "A library that shifts the daemon's clock: Tests/Proofs/Preloaded/clock_shift.c, compiled.")
  var clockShift: String?

  @Option(help: "A library that makes writes fail: Tests/Proofs/Preloaded/disk_refusal.c, compiled.")
  var diskRefusal: String?

  @Option(help: "A file with the results of the proofs that are tests; they come first in the table.")
  var record: String?

  @Flag(help: "Start no daemon: the table has only the record.")
  var noDaemon = false

  @Flag(help: "Print the rows as JSON.")
  var json = false

  func validate() throws {
    guard kills ?? 1 > 0, soak ?? 100 >= 100 else {
      throw ValidationError("let --kills be 1 or more, and --soak 100 or more")
    }
  }

  func run() throws {
    let seed = seed ?? UInt64.random(in: 1...999_999)
    reportProgress("seed \(seed)")
    let scenario = Scenario(
      executable: Self.absolute(daemon), seed: seed, isLong: long, kills: kills ?? (long ? 200 : 10),
      soak: soak ?? (long ? 10_000_000 : 50_000), clockShift: clockShift.map(Self.absolute),
      diskRefusal: diskRefusal.map(Self.absolute), progress: reportProgress)
    var rows = try record.map { try Row.sums(of: String(contentsOfFile: $0, encoding: .utf8)) } ?? []
    for fault in Fault.allCases where !noDaemon && (only.isEmpty || only.contains(fault)) {
      do {
        rows += try fault.prove(scenario)
      } catch {
        var row = Row(fault.rawValue)
        row.problems.append("\(error)")
        rows.append(row)
      }
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(rows), as: UTF8.self))
    } else {
      print(Table.text(rows))
    }
    guard rows.allSatisfy(\.isProven) else {
      reportProgress("not proven; seed \(seed)")
      throw ExitCode(1)
    }
  }

  /// The absolute path, because daemons work in folders of their own.
  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

  /// Prints to standard error, because progress is no part of the result.
  private func reportProgress(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

extension Fault: ExpressibleByArgument {}
