import Testing

/// The arrows between the rooms, and their sizes.
@Suite struct ArchitectureTests {
  /// The layers from the bottom up. A room may import those below its own.
  private static let layers: [Set<String>] = [
    ["Bytes", "Time", "Crypto", "System"],
    [
      "JSONText", "HTTPWire", "ClientAddress", "StandardWebhooks", "TLS", "EventLoop", "HTTPServer",
      "Routing", "FileResponses", "HTTPClient",
    ],
    ["Tables", "Work", "Jobs", "JobRequests", "WorkflowDefinitions", "WorkflowRules", "StoreSeam", "Ledger"],
    [
      "SQLite", "SQLiteSchema", "SQLiteStore", "PostgreSQL", "PostgreSQLSchema", "PostgreSQLStore",
      "PostgreSQLReads",
    ],
    ["StoreMove"],
    ["Replicate", "OutgoingDeliveries", "S3", "Downloads", "BlobStores"],
    ["Settings", "Observability"],
    [
      "GroupCommit", "ChangeFeed", "PostgreSQLReports", "ServerMetrics", "APITokens", "Supervision",
      "RefusedRequests",
    ],
    ["Scheduler"],
    ["WebhookIntake", "JobsAPI"],
    ["KeptFiles", "WorkflowRecords", "Reload"],
    [
      "EventStreams", "ReadTokens", "UsageSums", "Callbacks", "JobDeletion", "JobsPage", "JobCounts",
      "Archive", "Workflows", "ProcessMetrics", "BodyRetention", "RefusedDeliveries",
    ],
    ["BuildInfo"],
    ["Daemon", "Console", "Diagnosis"],
    ["replicate-webhookd", "replicate-simulator", "webhook-bench"],
  ]

  /// The arrows within a layer. All others between siblings are forbidden.
  private static let siblings: [String: Set<String>] = [
    "Time": ["Bytes"],
    "System": ["Time"],
    "HTTPServer": ["HTTPWire", "ClientAddress", "TLS", "EventLoop"],
    "Routing": ["JSONText", "HTTPWire", "HTTPServer"],
    "FileResponses": ["HTTPWire", "HTTPServer", "Routing"],
    "HTTPClient": ["ClientAddress"],
    "JobRequests": ["Jobs"],
    "WorkflowDefinitions": ["JobRequests"],
    "WorkflowRules": ["Jobs", "JobRequests", "WorkflowDefinitions"],
    "StoreSeam": ["Tables", "Work", "Jobs"],
    "Ledger": ["Tables", "Work", "Jobs", "StoreSeam"],
    "SQLiteSchema": ["SQLite"],
    "SQLiteStore": ["SQLite", "SQLiteSchema"],
    "PostgreSQLSchema": ["PostgreSQL"],
    "PostgreSQLStore": ["PostgreSQL", "PostgreSQLSchema"],
    "PostgreSQLReads": ["PostgreSQL", "PostgreSQLSchema"],
    "BlobStores": ["S3"],
    "Observability": ["Settings"],
  ]

  /// Programs that are no part of the daemon may be larger.
  private static let programs: Set<String> = ["replicate-simulator", "webhook-bench"]
  private static let maxLines = 2500

  /// The arrows that lead upward, or to a sibling.
  private static func forbiddenArrows(_ rooms: [String: Set<String>]) -> [String] {
    var violations: [String] = []
    var below: Set<String> = []
    for layer in layers {
      for room in layer.sorted() {
        let allowed = below.union(siblings[room] ?? [])
        let imports = (rooms[room] ?? []).intersection(rooms.keys).subtracting(allowed)
        violations += imports.sorted().map { "\(room) → \($0)" }
      }
      below.formUnion(layer)
    }
    return violations
  }

  @Test func arrowsLeadDownward() {
    #expect(Set(Self.layers.joined()) == Set(RepositoryTests.rooms.keys))
    #expect(Self.forbiddenArrows(RepositoryTests.rooms).isEmpty)
  }

  @Test(arguments: [
    ("Bytes", "Time"), ("HTTPWire", "JSONText"), ("Ledger", "JobRequests"), ("Ledger", "SQLiteStore"),
    ("StoreSeam", "Ledger"),
    ("SQLite", "SQLiteStore"), ("SQLiteStore", "PostgreSQLStore"), ("SQLiteStore", "Replicate"),
    ("WebhookIntake", "JobsAPI"),
    ("JobsAPI", "WebhookIntake"), ("JobsAPI", "UsageSums"), ("GroupCommit", "Scheduler"), ("Jobs", "Ledger"),
    ("Routing", "Settings"),
  ])
  func `an arrow upward or to a sibling is detected`(_ room: String, _ imported: String) {
    let rooms = RepositoryTests.rooms.merging([room: [imported]]) { $0.union($1) }
    #expect(Self.forbiddenArrows(rooms) == ["\(room) → \(imported)"])
  }

  /// Everything else reads and writes through the protocols of StoreSeam, for any store.
  @Test func `only the wiring and the command name a store`() {
    let stores: Set = [
      "SQLiteStore", "SQLiteSchema", "SQLite", "PostgreSQLStore", "PostgreSQLReads", "PostgreSQLSchema",
      "PostgreSQL",
    ]
    let importers = RepositoryTests.rooms.filter { !$0.value.isDisjoint(with: stores) }
    #expect(
      Set(importers.keys) == [
        "SQLiteSchema", "SQLiteStore", "PostgreSQLSchema", "PostgreSQLStore", "PostgreSQLReads", "StoreMove",
        "PostgreSQLReports", "BuildInfo", "Daemon", "replicate-webhookd",
      ])
    // And no store knows the rules.
    #expect(stores.allSatisfy { RepositoryTests.rooms[$0]?.contains("Ledger") == false })
    for (library, room) in [("CSQLite", "SQLite"), ("CPostgreSQL", "PostgreSQL")] {
      let linkers = RepositoryTests.rooms.filter { $0.value.contains(library) }
      #expect(Set(linkers.keys) == [room])
    }
  }

  @Test(arguments: RepositoryTests.rooms.keys.sorted().filter { !programs.contains($0) })
  func aRoomHasAtMost2500Lines(_ room: String) throws {
    let files = try RepositoryFile.all(in: "Sources/\(room)", kinds: ["swift", "c", "h"])
    let lines = files.map { Self.lineCount(of: $0.text) }.reduce(0, +)
    #expect(lines > 0 && lines <= Self.maxLines)
  }

  private static func lineCount(of text: String) -> Int { text.utf8.count { $0 == UInt8(ascii: "\n") } }

  @Test func everyLineOfARoomCounts() {
    #expect(Self.lineCount(of: "// one\n\nlet two = 2\n") == 3)
  }
}
