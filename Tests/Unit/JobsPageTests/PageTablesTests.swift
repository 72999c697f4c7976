import BlobStores
import Daemon
import Downloads
import Foundation
import Jobs
import LiveDaemon
import Replicate
import Settings
import Testing

@testable import JobsPage

/// The tables of the page, compared with what the daemon can answer.
@Suite struct PageTablesTests {
  private static func text(of file: String) throws -> String {
    String(decoding: try #require(PageFiles.all[file], "\(file)"), as: UTF8.self)
  }

  /// The names in a table such as `const waits = {`, whose members begin with two spaces.
  private static func names(in table: String, of file: String) throws -> Set<String> {
    let lines = try text(of: file).split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0 == "const \(table) = {" }, "\(table)")
    let members = lines[(start + 1)...].prefix { $0 != "};" }
    return Set(
      members.flatMap { line in
        line.hasPrefix("   ") ? [] : line.matches(of: /([a-z_]+): [{"]/).map { String($0.1) }
      }
    ).subtracting(["title", "remedy"])
  }

  /// The codes that sources give to errors of jobs, beside those of ``ErrorClass``.
  private static func literalCodes() throws -> Set<String> {
    let folder = Program.root.appendingPathComponent("Sources")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    var codes: Set<String> = []
    for path in paths where path.hasSuffix(".swift") && !path.hasPrefix("replicate-simulator") {
      let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
      for match in text.matches(of: /JobError\(\s*code: "([a-z_]+)"/) { codes.insert(String(match.1)) }
    }
    return codes
  }

  @Test func everyErrorCodeHasARemedy() throws {
    let literals = try Self.literalCodes()
    #expect(literals.isSuperset(of: ["gone", "answer_lost", "not_started", "canceled", "invalid_output"]))
    let codes = literals.union(ErrorClass.allCases.map(\.rawValue))
    #expect(try Self.names(in: "remedies", of: "remedies.js") == codes)
  }

  @Test func everyReasonToWaitHasARemedy() throws {
    #expect(try Self.names(in: "waits", of: "remedies.js") == Set(OrderReason.allCases.map(\.rawValue)))
    #expect(try Self.names(in: "stages", of: "remedies.js") == Set(OrderStage.allCases.map(\.rawValue)))
  }

  @Test func everyReasonForALostFileHasARemedy() throws {
    let codes = Set(DownloadFailure.Code.allCases.map(\.rawValue))
      .union(BlobFailure.Code.allCases.map(\.rawValue))
    #expect(
      try Self.names(in: "keptRemedies", of: "kept.js")
        == codes.union(["expired", "spool_lost", "too_many_files"]))
  }

  /// What is applied is described by its changes.
  @Test func theHistoryExplainsEveryOutcomeAndSource() throws {
    let outcomes = Set(DeliveryOutcome.allCases.map(\.rawValue)).subtracting(["applied"])
    #expect(try Self.names(in: "outcomeTexts", of: "timeline.js") == outcomes)
    let sources: [HistorySource] = [.webhook, .poll, .list, .answer, .daemon]
    #expect(
      try Self.names(in: "sourceNames", of: "timeline.js")
        == Set(sources.map(\.rawValue)).union(["attempt", "callback", "creation"]))
  }

  @Test func remediesNameSettingsThatExist() throws {
    // API_TOKEN is the shell variable of a command that is copied.
    let known = Set(DaemonSettings.variables.map(\.name)).union(["API_TOKEN"])
    var named: Set<String> = []
    for (name, bytes) in PageFiles.all where name.hasSuffix(".js") {
      for match in String(decoding: bytes, as: UTF8.self).matches(of: /\b[A-Z]+(?:_[A-Z]+)+\b/) {
        named.insert(String(match.0))
      }
    }
    #expect(named.isSuperset(of: ["PUBLIC_URL", "REPLICATE_API_TOKEN", "JOB_TIMEOUT"]))
    #expect(named.subtracting(known).isEmpty)
  }

  @Test func theHealthViewReadsMetricsThatExist() throws {
    let readme = try String(contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
    let names = try Self.text(of: "health.js")
      .matches(of: /(?:rate|latest|grows|byLabel|sum|all|growth)\((?:then, )?"([a-z_]+)"/)
      .map { String($0.1) }
    #expect(names.count > 12)
    for name in names { #expect(readme.contains("`\(name)`"), "\(name)") }
  }
}
