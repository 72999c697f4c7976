import Daemon
import Foundation
import LiveDaemon
import Settings
import Testing

/// The rules of the repository.
@Suite struct RepositoryTests {
  /// The allowed imports of each room. A change here changes the architecture.
  static let rooms: [String: Set<String>] = [
    "Bytes": [],
    "Time": ["Bytes"],
    "Crypto": ["COpenSSL"],
    "System": ["CLinux", "Time"],
    "JSONText": ["Bytes"],
    "HTTPWire": ["Bytes"],
    "ClientAddress": ["Bytes"],
    "StandardWebhooks": ["Bytes", "Crypto"],
    "TLS": ["COpenSSL", "Bytes", "Time", "System"],
    "EventLoop": ["CLinux", "Time", "System"],
    "HTTPServer": ["Time", "System", "HTTPWire", "ClientAddress", "TLS", "EventLoop"],
    "Routing": ["Bytes", "Time", "JSONText", "HTTPWire", "HTTPServer"],
    "FileResponses": ["System", "HTTPWire", "HTTPServer", "Routing"],
    "HTTPClient": ["CCurl", "System", "ClientAddress"],
    "Tables": [],
    "Work": ["Time"],
    "Jobs": ["Bytes", "Time"],
    "JobRequests": ["Bytes", "Time", "Crypto", "JSONText", "Jobs"],
    "WorkflowDefinitions": ["Bytes", "JSONText", "JobRequests"],
    "WorkflowRules": ["Bytes", "Time", "JSONText", "Jobs", "JobRequests", "WorkflowDefinitions"],
    "StoreSeam": ["Time", "Tables", "Work", "Jobs"],
    "Ledger": ["Time", "Crypto", "Tables", "Work", "Jobs", "StoreSeam"],
    "SQLite": ["CSQLite", "System"],
    "SQLiteSchema": ["Jobs", "JobRequests", "SQLite"],
    "SQLiteStore": ["Time", "Crypto", "Tables", "Work", "Jobs", "StoreSeam", "SQLite", "SQLiteSchema"],
    "PostgreSQL": ["CPostgreSQL", "Time", "System"],
    "PostgreSQLSchema": ["Time", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL"],
    "PostgreSQLStore": [
      "Time", "System", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL", "PostgreSQLSchema",
    ],
    "PostgreSQLReads": [
      "Time", "System", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL", "PostgreSQLSchema",
    ],
    "PostgreSQLReports": ["System", "StoreSeam", "PostgreSQLStore", "Observability", "Logging"],
    "StoreMove": ["Time", "Tables", "StoreSeam", "SQLite", "SQLiteStore", "PostgreSQL", "PostgreSQLSchema"],
    "Replicate": [
      "Bytes", "Time", "Crypto", "JSONText", "ClientAddress", "HTTPClient", "Jobs", "JobRequests",
    ],
    "OutgoingDeliveries": ["Bytes", "Time", "Crypto", "JSONText", "StandardWebhooks", "HTTPClient"],
    "S3": ["Bytes", "Time", "Crypto", "HTTPClient"],
    "Downloads": ["Bytes", "Time", "Crypto", "System", "ClientAddress", "HTTPClient"],
    "BlobStores": ["Bytes", "Time", "Crypto", "System", "ClientAddress", "HTTPClient", "S3"],
    "Settings": ["Bytes", "Time", "Crypto"],
    "Observability": ["Time", "System", "JSONText", "Settings", "Logging"],
    "GroupCommit": [
      "Time", "System", "EventLoop", "Jobs", "StoreSeam", "Ledger", "Observability", "Logging",
    ],
    "ChangeFeed": ["Time", "System", "EventLoop", "Jobs", "StoreSeam"],
    "APITokens": ["Bytes", "Crypto", "Settings", "Observability"],
    "Supervision": ["Time", "System", "EventLoop", "Observability", "Logging"],
    "Reload": [
      "StandardWebhooks", "Replicate", "Settings", "Observability", "APITokens", "Scheduler",
      "WebhookIntake", "Logging",
    ],
    "RefusedRequests": [
      "Time", "HTTPWire", "ClientAddress", "StandardWebhooks", "EventLoop", "HTTPServer", "Routing",
      "Observability", "Logging",
    ],
    "Scheduler": [
      "Bytes", "Time", "System", "ClientAddress", "EventLoop", "HTTPClient", "Work", "Jobs", "JobRequests",
      "StoreSeam", "Ledger", "Replicate", "Settings", "Observability", "GroupCommit", "Logging",
    ],
    "ServerMetrics": ["Time", "HTTPWire", "EventLoop", "HTTPServer", "Routing", "Observability"],
    "WebhookIntake": [
      "Time", "HTTPWire", "StandardWebhooks", "EventLoop", "Routing", "Jobs", "JobRequests", "StoreSeam",
      "Ledger", "Replicate", "Settings", "Observability", "GroupCommit", "Logging",
    ],
    "JobsAPI": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "EventLoop",
      "HTTPServer", "Routing", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam", "Ledger",
      "Replicate", "Settings", "Observability", "GroupCommit", "ChangeFeed", "APITokens", "Scheduler",
      "RefusedRequests",
      "Logging",
    ],
    "KeptFiles": [
      "Time", "JSONText", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam", "Ledger", "Downloads",
      "BlobStores",
    ],
    "WorkflowRecords": [
      "Time", "System", "JSONText", "Tables", "Work", "Jobs", "JobRequests", "WorkflowDefinitions",
      "WorkflowRules", "StoreSeam", "Ledger",
    ],
    "EventStreams": [
      "Time", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing", "Jobs", "StoreSeam", "Settings",
      "Observability", "ChangeFeed", "JobsAPI",
    ],
    "Callbacks": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "StandardWebhooks",
      "EventLoop", "Routing", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam", "Ledger",
      "Settings", "Observability", "GroupCommit", "ChangeFeed", "JobsAPI", "Logging",
    ],
    "ReadTokens": [
      "Bytes", "Time", "Crypto", "JSONText", "HTTPWire", "Routing", "StoreSeam", "Settings", "Scheduler",
      "JobsAPI",
    ],
    "JobDeletion": [
      "Time", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam", "Ledger",
      "Settings", "Observability", "GroupCommit", "ChangeFeed", "WebhookIntake", "JobsAPI",
    ],
    "BodyRetention": [
      "Time", "Crypto", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam",
      "Ledger", "Settings", "Observability", "GroupCommit", "JobsAPI", "Logging",
    ],
    "UsageSums": [
      "Bytes", "Time", "JSONText", "HTTPWire", "Routing", "Tables", "Jobs", "StoreSeam", "Ledger",
      "Settings", "Observability", "JobsAPI",
    ],
    "ProcessMetrics": ["Bytes", "Time", "Settings", "Observability", "JobsAPI"],
    "JobCounts": [
      "Time", "System", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam",
      "Ledger",
      "Settings", "Observability", "JobsAPI",
    ],
    "JobsPage": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing",
      "JobRequests", "Settings", "APITokens", "Scheduler", "JobsAPI", "CJobsPage", "CZlib",
    ],
    "Archive": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "EventLoop",
      "HTTPServer", "Routing", "FileResponses", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests",
      "StoreSeam", "Ledger", "S3", "Downloads", "BlobStores", "Settings", "Observability", "GroupCommit",
      "ChangeFeed", "JobsAPI", "KeptFiles", "Logging",
    ],
    "Workflows": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing",
      "Tables", "Jobs", "JobRequests", "WorkflowDefinitions", "WorkflowRules", "StoreSeam", "Ledger",
      "Settings", "Observability", "GroupCommit", "ChangeFeed", "Scheduler", "WebhookIntake", "JobsAPI",
      "WorkflowRecords", "Logging",
    ],
    "BuildInfo": ["CBuild", "Crypto", "SQLite", "PostgreSQL", "HTTPClient"],
    "RefusedDeliveries": [
      "Time", "JSONText", "HTTPWire", "HTTPServer", "Routing", "Settings", "RefusedRequests", "JobsAPI",
    ],
    "Daemon": [
      "Bytes", "Time", "Crypto", "System", "HTTPWire", "ClientAddress", "StandardWebhooks", "TLS",
      "EventLoop", "HTTPServer", "Routing", "HTTPClient", "Tables", "StoreSeam", "Ledger", "SQLite",
      "SQLiteStore", "PostgreSQL", "PostgreSQLSchema", "PostgreSQLStore", "PostgreSQLReads",
      "PostgreSQLReports", "StoreMove", "Replicate", "Settings", "Observability", "GroupCommit",
      "ChangeFeed", "Scheduler", "ServerMetrics", "WebhookIntake", "JobsAPI", "EventStreams", "Callbacks",
      "ReadTokens", "JobDeletion", "UsageSums", "JobCounts", "JobsPage", "Archive", "Workflows",
      "ProcessMetrics", "APITokens", "Supervision", "Reload", "BodyRetention", "RefusedDeliveries",
      "RefusedRequests", "BuildInfo", "Logging",
    ],
    "Console": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPClient", "Jobs",
      "Settings", "ArgumentParser",
    ],
    "Diagnosis": ["Time", "JSONText", "HTTPClient", "StandardWebhooks", "Replicate", "Scheduler"],
    "replicate-webhookd": [
      "Bytes", "Time", "System", "JSONText", "HTTPWire", "StandardWebhooks", "TLS", "EventLoop",
      "HTTPClient", "Jobs", "SQLite", "SQLiteStore", "Replicate", "OutgoingDeliveries", "Settings",
      "Observability", "Scheduler", "WebhookIntake", "JobsAPI", "BuildInfo", "Daemon", "Console", "APITokens",
      "Reload", "Diagnosis", "ArgumentParser", "Logging",
    ],
    "replicate-simulator": [
      "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "StandardWebhooks", "EventLoop",
      "HTTPServer", "HTTPClient", "Jobs", "ArgumentParser",
    ],
    "webhook-bench": ["COpenSSL", "CLinux", "StandardWebhooks", "ArgumentParser", "CPerfEvents"],
  ]
  /// The folders beside the rooms: module maps and headers of C libraries, and what only C can do.
  private static let libraries: Set<String> = [
    "CBuild", "CCurl", "CJobsPage", "CLinux", "COpenSSL", "CPerfEvents", "CPostgreSQL", "CSQLite", "CZlib",
  ]
  /// Modules of the standard library and the system.
  private static let everywhere: Set<String> = ["Glibc", "Synchronization"]

  private func sources(of folder: String) throws -> [(name: String, text: String)] {
    let root = Program.root.appendingPathComponent(folder)
    let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
    return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map {
      ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8))
    }
  }

  @Test(arguments: rooms.keys.sorted())
  func everyRoomImportsOnlyWhatItMay(_ room: String) throws {
    let allowed = try #require(Self.rooms[room]).union(Self.everywhere)
    for (name, text) in try sources(of: "Sources/\(room)") {
      let imports = text.split(separator: "\n").filter { $0.contains("import ") && !$0.hasPrefix("//") }
        .compactMap { line in
          let words = line.split(separator: " ")
          return words.firstIndex(of: "import").flatMap {
            $0 + 1 < words.count && $0 <= 1 ? String(words[$0 + 1]) : nil
          }
        }
      #expect(
        Set(imports).isSubset(of: allowed), "\(room)/\(name) imports \(Set(imports).subtracting(allowed))")
    }
  }

  @Test func everyRoomIsKnown() throws {
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Program.root.appendingPathComponent("Sources").path)
    #expect(Set(folders) == Self.libraries.union(Self.rooms.keys).union(["README.md"]))
  }

  @Test func sourcesHoldNoTraps() throws {
    for (name, text) in try sources(of: "Sources") {
      for forbidden in ["try!", "as!", "fatalError", "TODO", "FIXME", " Task {", "Task.sleep"] {
        let lines = text.split(separator: "\n").filter { $0.contains(forbidden) && !$0.contains("//") }
        #expect(lines.isEmpty, "\(name): \(lines)")
      }
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 400, "\(name) is long")
    }
  }

  @Test func everySettingIsInTheExampleAndInTheReadme() throws {
    let example = try String(contentsOf: Program.root.appendingPathComponent(".env.example"), encoding: .utf8)
    let readme = try String(contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
    for name in DaemonSettings.variables.map(\.name) {
      #expect(example.contains("\n\(name)="), "\(name)")
      #expect(readme.contains("`\(name)`"), "\(name)")
    }
    let (values, problems) = EnvironmentFile.parse(example, named: ".env.example")
    #expect(problems.isEmpty)
    #expect(Set(values.keys) == Set(DaemonSettings.variables.map(\.name)))
  }

  /// A passed-on field would let clients claim any address.
  @Test(arguments: [
    ("nginx.conf", #"proxy_set_header Forwarded "";"#), ("Caddyfile", "header_up -Forwarded"),
  ])
  func proxiesDropForwardedThatClientsSend(_ file: String, _ line: String) throws {
    let text = try String(
      contentsOf: Program.root.appendingPathComponent("deploy/proxy/\(file)"), encoding: .utf8)
    #expect(text.contains(line))
  }

  /// Every member that the jobs API writes is documented.
  @Test func everyMemberIsInTheReference() throws {
    let reference = try String(
      contentsOf: Program.root.appendingPathComponent("deploy/docs/jobs.md"), encoding: .utf8)
    var names: Set<String> = []
    for (_, text) in try sources(of: "Sources/JobsAPI") + sources(of: "Sources/UsageSums") {
      for part in text.components(separatedBy: "member(\"").dropFirst() {
        names.insert(String(part.prefix { $0 != "\"" }))
      }
    }
    #expect(names.count > 40)
    for name in names.sorted() { #expect(reference.contains("`\(name)`"), "\(name)") }
    for outcome in ["applied", "duplicate", "late", "conflict", "unknown_status"] {
      #expect(reference.contains("`\(outcome)`"), "\(outcome)")
    }
  }
}
