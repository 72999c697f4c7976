import ArgumentParser
import Conformance
import Foundation

@main
struct HTTPConformance: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "http-conformance",
    abstract:
      "Sends raw bytes to HTTP/1.1 servers, and lists the responses that RFC 9110 and RFC 9112 do not allow.",
    discussion: "With one server: a table, and what failed. With several: a table to compare them.")

  @Argument(help: ArgumentHelp("HOST:PORT, or NAME=HOST:PORT for each of several.", valueName: "server"))
  var servers: [String]

  @Option(help: "The path that takes a POST with a body.")
  var target = "/webhooks/replicate"

  @Option(help: "The path that answers GET with 200.")
  var get = "/healthz"

  @Option(help: "What a server answers to a POST once it has read the body. Repeat it for more.")
  var accepts = [200]

  @Option(help: "The server with this name is a replicate-webhookd: check its own rules as well.")
  var daemon: String?

  @Option(help: "The daemon's MAX_BODY, in bytes.")
  var bodyLimit = 64 * 1024

  @Option(help: "NAME=HOST:PORT/PATH of a resource with an entity tag. Repeat it for each server.")
  var entityTag: [String] = []

  @Option(help: "Only the cases of this group.")
  var only: CaseGroup?

  @Option(help: "The maximum duration of one wait for a server, in seconds.")
  var timeout = 3

  @Option(help: "The number of concurrent connections.")
  var threads = 16

  @Flag(help: "Print every verdict as JSON.")
  var json = false

  func validate() throws {
    guard !servers.isEmpty, threads > 0, timeout > 0 else {
      throw ValidationError("name a server, and let timeout and threads be 1 or more")
    }
  }

  func run() throws {
    let sites = try servers.map(site)
    var everything: [ConformanceCase] = []
    var results: [ServerResult] = []
    for (name, site) in sites {
      let cases = Suite.cases(for: site).filter { only == nil || $0.group == only }
      // The longest list is the daemon's, which has all the others in it.
      if cases.count > everything.count { everything = cases }
      results.append(
        ServerResult(
          name: name, site: site, cases: cases, timeout: .seconds(timeout), threads: threads))
    }
    if json {
      try printJSON(results, everything)
    } else if results.count == 1 {
      print(Report.summary(results))
      print(Report.failures(of: results[0], cases: everything), terminator: "")
    } else {
      printComparison(results, everything)
    }
    if !results.allSatisfy(\.passes) { throw ExitCode(1) }
  }

  private func printComparison(_ results: [ServerResult], _ cases: [ConformanceCase]) {
    print(Report.summary(results))
    let kinds: [(Verdict.Kind, String)] = [
      (.violation, "what no rule of the RFCs allows"),
      (.lenient, "accepts what the RFCs forbid to send or let a server refuse"),
      (.fragile, "answers, but ends the connection so that a client may miss it"),
      (.stricter, "rejects what the RFCs allow or recommend tolerating"),
    ]
    for result in results {
      for (kind, meaning) in kinds {
        let lines = Report.list(kind, of: result, cases: cases)
        guard !lines.isEmpty else { continue }
        print("\(result.name), \(kind.rawValue): \(meaning)")
        for line in lines { print("- \(line)") }
        print("")
      }
    }
    print("Where they differ:\n")
    print(Report.differences(results, cases: cases))
  }
}

// MARK: - Servers

extension HTTPConformance {
  private func site(_ text: String) throws -> (String, Site) {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    let name = parts.count == 2 ? parts[0] : text
    let (address, port, _) = try endpoint(parts[parts.count - 1])
    let main = Endpoint(address: address, port: port, getTarget: get, postTarget: target)
    let tagged = try entityTag.first { $0.hasPrefix("\(name)=") }.map { option in
      let (address, port, path) = try endpoint(String(option.dropFirst(name.count + 1)))
      return Endpoint(
        address: address, port: port, getTarget: path, postTarget: path, probeTarget: path)
    }
    guard name != daemon else { return (name, .daemon(main: main, entityTag: tagged, bodyLimit: bodyLimit)) }
    var site = Site(main: main, acceptedStatuses: Set(accepts))
    site.entityTag = tagged
    if tagged != nil { site.offers.insert(.entityTag) }
    return (name, site)
  }

  /// `127.0.0.1:80/path`.
  private func endpoint(_ text: String) throws -> (address: String, port: Int, path: String) {
    let slash = text.firstIndex(of: "/") ?? text.endIndex
    let parts = text[..<slash].split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]), (1...65535).contains(port) else {
      throw ValidationError("\(text) is not HOST:PORT")
    }
    let address = parts[0] == "localhost" ? "127.0.0.1" : String(parts[0])
    return (address, port, String(text[slash...]))
  }
}

// MARK: - JSON

extension HTTPConformance {
  private struct Entry: Encodable {
    let server: String
    let id: String
    let section: String
    let verdict: String
    let outcome: String
    let faults: [String]
    let sent: String
    let received: String
  }

  private func printJSON(_ results: [ServerResult], _ cases: [ConformanceCase]) throws {
    let entries = results.flatMap { result in
      cases.compactMap { item -> Entry? in
        guard let verdict = result.verdicts[item.id], let exchange = result.exchanges[item.id] else {
          return nil
        }
        return Entry(
          server: result.name, id: item.id, section: item.section, verdict: verdict.kind.rawValue,
          outcome: "\(verdict.outcome)", faults: verdict.faults.map(\.rawValue),
          sent: Report.escaped(exchange.sent, limit: 1000),
          received: Report.escaped(exchange.received, limit: 1000))
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(entries), as: UTF8.self))
  }
}

extension CaseGroup: ExpressibleByArgument {}
