// swift-tools-version: 6.2
import PackageDescription

/// What every target of this package is compiled with.
let house: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Async methods of plain classes stay on their caller's executor: a connection never leaves its loop.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Set by deploy/fuzz.sh.
let isFuzzing = Context.environment["FUZZING"] != nil

/// Reports to libFuzzer which paths through a room an input takes.
let traced: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : []

/// Rooms with a folder `Page`, whose files a C target embeds.
let embedded: Set<String> = ["JobsPage"]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: embedded.contains(name) ? ["Page"] : [],
    swiftSettings: house + traced)
}

/// The folders of the tests: see Tests/README.md.
enum Level: String {
  case unit = "Unit"
  case storage = "Storage"
  case simulation = "Simulation"
  case process = "Process"
  case proofs = "Proofs"
  case conformance = "Conformance"
  case fuzz = "Fuzz"
  case support = "Support"
}

func tests(
  _ level: Level, _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(level.rawValue)/\(name)", resources: resources,
    swiftSettings: house)
}

/// Code that tests share. The daemon contains none of it.
func support(_ level: Level, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Tests/\(level.rawValue)/\(name)", swiftSettings: house)
}

/// A command that runs tests longer, or against other programs, than `swift test` does.
func testCommand(_ level: Level, _ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Tests/\(level.rawValue)/\(name)", swiftSettings: house)
}

/// A room that only builds with PostgreSQL have.
func postgreSQL(_ room: String) -> Target.Dependency {
  .target(name: room, condition: .when(traits: ["PostgreSQL"]))
}

/// The commit that `--version` shows, as the environment names it. Git is not called, so that a commit makes
/// no build out of date.
let commit = (Context.environment["BUILD_COMMIT"] ?? "").filter {
  $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-")
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// No other build could link this: libFuzzer brings the functions that instrumented code calls.
let fuzzing: [Target] = [
  .target(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
  .executableTarget(
    name: "fuzz", dependencies: ["CLibFuzzer", "CLinux", "FuzzTargets"], path: "Tests/Fuzz/Program",
    swiftSettings: house,
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
]

let package = Package(
  name: "replicate-webhookd",
  products: [.executable(name: "replicate-webhookd", targets: ["replicate-webhookd"])],
  traits: [
    .trait(name: "PostgreSQL", description: "The store in a PostgreSQL database, through libpq."),
    .default(enabledTraits: ["PostgreSQL"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C libraries, each imported by as few rooms as possible. Every executable links CLinux, which opens the
    // standard descriptors that are closed.
    .target(name: "CLinux"),
    .target(name: "CPerfEvents"),
    .target(name: "CJobsPage"),
    .target(
      name: "CBuild", cSettings: commit.isEmpty ? [] : [.define("BUILD_COMMIT", to: "\"\(commit)\"")]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
      name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // Leaves: what every other room may use.
    room("Bytes"),
    room("Time", ["Bytes"]),
    room("Crypto", ["COpenSSL"]),
    room("System", ["CLinux", "Time"]),

    // Protocols, each by its specification. Siblings import each other only along the arrows shown here.
    room("JSONText", ["Bytes"]),
    room("HTTPWire", ["Bytes"]),
    room("ClientAddress", ["Bytes"]),
    room("StandardWebhooks", ["Bytes", "Crypto"]),
    room("TLS", ["COpenSSL", "Bytes", "Time", "System"]),
    room("EventLoop", ["CLinux", "Time", "System"]),
    room("HTTPServer", ["Time", "System", "HTTPWire", "ClientAddress", "TLS", "EventLoop"]),
    room("Routing", ["Bytes", "Time", "JSONText", "HTTPWire", "HTTPServer"]),
    room("FileResponses", ["System", "HTTPWire", "HTTPServer", "Routing"]),
    room("HTTPClient", ["CCurl", "System", "ClientAddress"]),

    // The domain: jobs, what an app may request, and the rules over the protocol of stores.
    room("Tables"),
    room("Work", ["Time"]),
    room("Jobs", ["Bytes", "Time"]),
    room("JobRequests", ["Bytes", "Time", "Crypto", "JSONText", "Jobs"]),
    room("WorkflowDefinitions", ["Bytes", "JSONText", "JobRequests"]),
    room("WorkflowRules", ["Bytes", "Time", "JSONText", "Jobs", "JobRequests", "WorkflowDefinitions"]),
    room("StoreSeam", ["Time", "Tables", "Work", "Jobs"]),
    room("Ledger", ["Time", "Crypto", "Tables", "Work", "Jobs", "StoreSeam"]),

    // The stores. Siblings never import each other.
    room("SQLite", ["CSQLite", "System"]),
    room("SQLiteSchema", ["Jobs", "JobRequests", "SQLite"]),
    room("SQLiteStore", ["Time", "Crypto", "Tables", "Work", "Jobs", "StoreSeam", "SQLite", "SQLiteSchema"]),
    room("PostgreSQL", ["CPostgreSQL", "Time", "System"]),
    room("PostgreSQLSchema", ["Time", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL"]),
    room(
      "PostgreSQLStore",
      [
        "Time", "System", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL", "PostgreSQLSchema",
      ]),
    room(
      "PostgreSQLReads",
      [
        "Time", "System", "Tables", "Work", "Jobs", "StoreSeam", "PostgreSQL", "PostgreSQLSchema",
      ]),
    room("PostgreSQLReports", ["System", "StoreSeam", "PostgreSQLStore", "Observability", logging]),

    // The move from one store to the other.
    room(
      "StoreMove",
      [
        "Time", "Tables", "StoreSeam", "SQLite", "SQLiteStore", "PostgreSQL", "PostgreSQLSchema",
      ]),

    // The provider: Replicate's wire; and deliveries that commands sign and send.
    room(
      "Replicate",
      ["Bytes", "Time", "Crypto", "JSONText", "ClientAddress", "HTTPClient", "Jobs", "JobRequests"]),
    room("OutgoingDeliveries", ["Bytes", "Time", "Crypto", "JSONText", "StandardWebhooks", "HTTPClient"]),
    room("S3", ["Bytes", "Time", "Crypto", "HTTPClient"]),
    room("Downloads", ["Bytes", "Time", "Crypto", "System", "ClientAddress", "HTTPClient"]),
    room("BlobStores", ["Bytes", "Time", "Crypto", "System", "ClientAddress", "HTTPClient", "S3"]),

    // How settings are read, and how events and metrics are written.
    room("Settings", ["Bytes", "Time", "Crypto"]),
    room("Observability", ["Time", "System", "JSONText", "Settings", logging]),

    // Machinery.
    room(
      "GroupCommit",
      [
        "Time", "System", "EventLoop", "Jobs", "StoreSeam", "Ledger", "Observability", logging,
      ]),
    room("ChangeFeed", ["Time", "System", "EventLoop", "Jobs", "StoreSeam"]),
    room("APITokens", ["Bytes", "Crypto", "Settings", "Observability"]),
    room("Supervision", ["Time", "System", "EventLoop", "Observability", logging]),
    room(
      "RefusedRequests",
      [
        "Time", "HTTPWire", "ClientAddress", "StandardWebhooks", "EventLoop", "HTTPServer", "Routing",
        "Observability", logging,
      ]),
    room(
      "Scheduler",
      [
        "Time", "System", "ClientAddress", "EventLoop", "HTTPClient", "Work", "Jobs", "JobRequests",
        "StoreSeam", "Ledger", "Replicate", "Settings", "Observability", "GroupCommit", logging,
      ]),

    room("ServerMetrics", ["Time", "HTTPWire", "EventLoop", "HTTPServer", "Routing", "Observability"]),

    // The doors.
    room(
      "WebhookIntake",
      [
        "Time", "HTTPWire", "StandardWebhooks", "EventLoop", "Routing", "Jobs", "StoreSeam", "Ledger",
        "Replicate", "Settings", "Observability", "GroupCommit", logging,
      ]),
    room(
      "JobsAPI",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "EventLoop",
        "HTTPServer", "Routing", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam", "Ledger",
        "Replicate", "Settings", "Observability", "GroupCommit", "ChangeFeed", "APITokens", "Scheduler",
        "RefusedRequests", logging,
      ]),

    // What capabilities keep in the store, and the rules over it.
    room(
      "Reload",
      [
        "StandardWebhooks", "Replicate", "Settings", "Observability", "APITokens", "Scheduler",
        "WebhookIntake", logging,
      ]),
    room(
      "KeptFiles",
      [
        "Time", "JSONText", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam", "Ledger", "Downloads",
        "BlobStores",
      ]),
    room(
      "WorkflowRecords",
      [
        "Time", "System", "JSONText", "Tables", "Work", "Jobs", "JobRequests", "WorkflowDefinitions",
        "WorkflowRules", "StoreSeam", "Ledger",
      ]),

    // Capabilities: each can be removed with its lines in Daemon.
    room(
      "EventStreams",
      [
        "Time", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing", "Jobs", "StoreSeam",
        "Settings", "Observability", "ChangeFeed", "JobsAPI",
      ]),
    room(
      "Callbacks",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "StandardWebhooks",
        "EventLoop", "Routing", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests", "StoreSeam",
        "Ledger", "Settings", "Observability", "GroupCommit", "ChangeFeed", "JobsAPI", logging,
      ]),
    room(
      "ReadTokens",
      [
        "Bytes", "Time", "Crypto", "JSONText", "HTTPWire", "Routing", "StoreSeam", "Settings", "Scheduler",
        "JobsAPI",
      ]),
    room(
      "JobDeletion",
      [
        "Time", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam", "Ledger",
        "Settings", "Observability", "GroupCommit", "ChangeFeed", "WebhookIntake", "JobsAPI",
      ]),
    room(
      "BodyRetention",
      [
        "Time", "Crypto", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam",
        "Ledger", "Settings", "Observability", "GroupCommit", "JobsAPI", logging,
      ]),
    room(
      "UsageSums",
      [
        "Bytes", "Time", "JSONText", "HTTPWire", "Routing", "Tables", "Jobs", "StoreSeam", "Ledger",
        "Settings", "Observability", "JobsAPI",
      ]),
    room("ProcessMetrics", ["Bytes", "Time", "Settings", "Observability", "JobsAPI"]),
    room(
      "JobCounts",
      [
        "Time", "System", "JSONText", "HTTPWire", "EventLoop", "Routing", "Tables", "Jobs", "StoreSeam",
        "Ledger", "Settings", "Observability", "JobsAPI",
      ]),
    room(
      "JobsPage",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing",
        "JobRequests", "Settings", "APITokens", "Scheduler", "JobsAPI", "CJobsPage", "CZlib",
      ]),
    room(
      "Archive",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "ClientAddress", "EventLoop",
        "HTTPServer", "Routing", "FileResponses", "HTTPClient", "Tables", "Work", "Jobs", "JobRequests",
        "StoreSeam", "Ledger", "S3", "Downloads", "BlobStores", "Settings", "Observability", "GroupCommit",
        "ChangeFeed", "JobsAPI", "KeptFiles", logging,
      ]),
    room(
      "Workflows",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing",
        "Tables", "Jobs", "JobRequests", "WorkflowDefinitions", "WorkflowRules", "StoreSeam", "Ledger",
        "Settings", "Observability", "GroupCommit", "ChangeFeed", "Scheduler", "WebhookIntake", "JobsAPI",
        "WorkflowRecords", logging,
      ]),

    room(
      "RefusedDeliveries",
      [
        "Time", "JSONText", "HTTPWire", "HTTPServer", "Routing", "Settings", "RefusedRequests", "JobsAPI",
      ]),

    // What the binary is.
    room("BuildInfo", ["CBuild", "Crypto", "SQLite", postgreSQL("PostgreSQL"), "HTTPClient"]),

    // The wiring; and what the verbs of the command share.
    room(
      "Daemon",
      [
        "Bytes", "Time", "Crypto", "System", "HTTPWire", "ClientAddress", "StandardWebhooks", "TLS",
        "EventLoop", "HTTPServer", "Routing", "HTTPClient", "Tables", "StoreSeam", "Ledger", "SQLite",
        "SQLiteStore", postgreSQL("PostgreSQL"), postgreSQL("PostgreSQLSchema"),
        postgreSQL("PostgreSQLStore"), postgreSQL("PostgreSQLReads"), postgreSQL("PostgreSQLReports"),
        postgreSQL("StoreMove"), "Replicate", "Settings", "Observability", "GroupCommit", "ChangeFeed",
        "Scheduler", "ServerMetrics", "WebhookIntake", "JobsAPI", "EventStreams", "Callbacks", "ReadTokens",
        "JobDeletion", "UsageSums", "JobCounts", "JobsPage", "Archive", "Workflows", "ProcessMetrics",
        "APITokens", "Supervision", "Reload", "BodyRetention", "RefusedDeliveries", "RefusedRequests",
        "BuildInfo", logging,
      ]),
    room(
      "Console",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPClient", "Jobs",
        "Settings", arguments,
      ]),
    room(
      "Diagnosis",
      [
        "Time", "JSONText", "HTTPClient", "StandardWebhooks", "Replicate", "Scheduler",
      ]),
    .executableTarget(
      name: "replicate-webhookd",
      dependencies: [
        "Bytes", "Time", "System", "JSONText", "HTTPWire", "StandardWebhooks", "TLS", "EventLoop",
        "HTTPClient", "Jobs", "SQLite", "SQLiteStore", "Replicate", "OutgoingDeliveries", "Settings",
        "Observability", "Scheduler", "WebhookIntake", "JobsAPI", "BuildInfo", "Daemon", "Console",
        "APITokens", "Reload", "Diagnosis", arguments, logging,
      ],
      swiftSettings: house),

    // Measures the daemon, or another receiver; shares no code with what it measures but the signing. It
    // depends on the command only so that `swift run` builds the daemon that it starts.
    .executableTarget(
      name: "webhook-bench",
      dependencies: [
        "COpenSSL", "CLinux", "StandardWebhooks", arguments, "CPerfEvents", "replicate-webhookd",
      ],
      swiftSettings: house),

    // A stand-in for Replicate: enough of its API for demos and tests, and signed webhooks.
    .executableTarget(
      name: "replicate-simulator",
      dependencies: [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "StandardWebhooks", "EventLoop",
        "HTTPServer", "HTTPClient", "Jobs", arguments,
      ],
      swiftSettings: house),

    // Tests/Support: what the levels share.
    // A kernel with a seed, on which the rooms above EventLoop are tested.
    support(.support, "Simulation", ["EventLoop", "System", "Time"]),
    // The other end of TLS, over bytes in memory.
    support(.support, "TLSClient", ["COpenSSL", "TLS", "LiveDaemon"]),
    // A disk that fails on demand, beneath SQLite.
    .target(name: "FaultyVFS", dependencies: ["CSQLite"], path: "Tests/Support/FaultyVFS"),
    support(.support, "FaultyDisk", ["FaultyVFS", "Scratch"]),
    // Programs that tests start.
    .target(name: "CSpawn", path: "Tests/Support/CSpawn"),
    // Folders for databases, and values of the domain.
    support(.support, "Scratch", ["CSQLite"]),
    support(.support, "Samples", ["Jobs"]),
    // The schemas that earlier releases wrote.
    support(.support, "OldSchemas"),
    // The built daemon as a process, and a plain client of it.
    support(.support, "LiveDaemon", ["StandardWebhooks", "CSpawn"]),
    // A headless Chromium, driven over WebDriver.
    support(.support, "Browser", ["LiveDaemon"]),
    // PostgreSQL servers, standbys, PgBouncer and a relay, as processes of the tests.
    support(.support, "PostgreSQLServer", ["PostgreSQL", "Time", "LiveDaemon"]),
    // The jobs API over a store, on the simulated kernel.
    support(
      .support, "SimulatedAPI",
      [
        "Simulation", "Samples", "StoreFixture", "EventLoop", "System", "Time", "ClientAddress", "HTTPServer",
        "HTTPWire", "Routing", "Jobs", "Ledger", "GroupCommit", "ChangeFeed", "Scheduler", "JobsAPI",
        "StoreSeam", logging, "APITokens",
      ]),
    // An HTTP API with canned answers, in the tests' process.
    support(.support, "Stubs", ["EventLoop", "HTTPServer", "HTTPWire", "LiveDaemon", "System", "TLS"]),

    // A server of files that fails as a test requests.
    support(.support, "FileServer"),
    // Random workflows and the documented ones, and a second evaluator of them.
    support(.support, "WorkflowGraphs", ["Simulation"]),

    // Tests/Repository: the rules of the sources, and of what is installed with them.
    .testTarget(
      name: "RepositoryTests", dependencies: ["LiveDaemon", "Settings", "replicate-webhookd", "Daemon"],
      path: "Tests/Repository", swiftSettings: house),

    // Tests/Unit: one room each, in memory or on the simulated kernel.
    tests(.unit, "JSONTextTests", ["JSONText"]),
    tests(.unit, "HTTPWireTests", ["HTTPWire", "Bytes", "Time"]),
    tests(.unit, "ClientAddressTests", ["ClientAddress", "Simulation"]),
    tests(
      .unit, "StandardWebhooksTests", ["StandardWebhooks", "Crypto"], resources: [.copy("Fixtures")]),
    tests(
      .unit, "OutgoingDeliveriesTests", ["OutgoingDeliveries", "StandardWebhooks", "LiveDaemon"]),
    tests(.unit, "TLSTests", ["TLS", "COpenSSL", "Simulation", "TLSClient"]),
    tests(.unit, "EventLoopTests", ["EventLoop", "System", "Time", "Simulation"]),
    tests(
      .unit, "HTTPClientTests",
      ["HTTPClient", "ClientAddress", "HTTPWire", "EventLoop", "System", "Time", "Stubs"]),
    tests(
      .unit, "HTTPServerTests",
      [
        "HTTPServer", "HTTPWire", "EventLoop", "System", "Time", "ClientAddress", "Simulation", "TLS",
        "TLSClient",
      ]),
    tests(
      .unit, "FileResponsesTests",
      ["FileResponses", "HTTPServer", "HTTPWire", "Routing", "EventLoop", "System", "Time", "LiveDaemon"]),
    tests(.unit, "JobsTests", ["Jobs", "Time", "Samples", "Simulation"]),
    tests(.unit, "WorkflowDefinitionsTests", ["WorkflowDefinitions", "JobRequests", "JSONText"]),
    tests(
      .unit, "WorkflowRulesTests",
      [
        "WorkflowRules", "WorkflowDefinitions", "JobRequests", "Jobs", "JSONText", "Time", "Simulation",
        "WorkflowGraphs",
      ]),
    tests(
      .unit, "ReplicateTests",
      [
        "Replicate", "JobRequests", "JSONText", "Jobs", "Crypto", "StandardWebhooks", "Samples", "Simulation",
      ],
      resources: [.copy("Payloads")]),
    tests(
      .unit, "ServerMetricsTests", ["Time", "HTTPWire", "Routing", "Observability", "ServerMetrics"]),
    tests(.unit, "ProcessMetricsTests", ["ProcessMetrics", "Observability", "Settings", "Scratch"]),
    tests(.unit, "ObservabilityTests", ["Observability", "Time"]),
    tests(
      .unit, "SettingsTests",
      [
        "Settings", "Daemon", "Observability", "JobRequests", "HTTPWire", "HTTPServer", "EventLoop",
        "StandardWebhooks", "WebhookIntake", "JobsAPI", "Scheduler", "APITokens", "Replicate",
      ]),
    tests(
      .unit, "SchedulerTests",
      [
        "Scheduler", "GroupCommit", "Observability", "JobsAPI", "Replicate", "JobRequests", "Jobs",
        "StandardWebhooks", "HTTPClient", "HTTPWire", "EventLoop", "Crypto", "System", "Time", "CSQLite",
        "Samples", "Scratch", "Simulation", "Stubs", logging, "SQLiteStore", "Ledger", "Work", "StoreFixture",
        "StoreSeam",
      ]),
    tests(
      .unit, "JobsAPITests",
      [
        "JobsAPI", "Routing", "Observability", "Replicate", "Jobs", "StandardWebhooks", "HTTPWire", "Crypto",
        "Time", "ClientAddress", "HTTPServer", "Daemon", "GroupCommit", "WebhookIntake", "Scheduler",
        "APITokens",
      ], resources: [.copy("Documents")]),
    tests(.unit, "APITokensTests", ["Settings", "APITokens", "Observability"]),
    tests(
      .unit, "ReloadTests",
      [
        "StandardWebhooks", "Replicate", "Settings", "Observability", "APITokens", "Scheduler",
        "WebhookIntake", "Reload", "JobRequests",
      ]),
    tests(.unit, "SupervisionTests", ["Time", "System", "EventLoop", "Observability", "Supervision"]),
    tests(
      .unit, "DiagnosisTests",
      ["Diagnosis", "StandardWebhooks", "HTTPClient", "Replicate", "Settings", "Scheduler"]),
    tests(
      .unit, "DaemonTests",
      [
        "RefusedRequests",
        "Daemon", "EventLoop", "System", "Time", "StandardWebhooks", "Observability", "Settings", "Routing",
        "Scheduler", "Replicate", "HTTPWire", "GroupCommit", "WebhookIntake", "Scratch", "HTTPServer", "Jobs",
        "ClientAddress", "ServerMetrics", "Supervision", "Reload", "APITokens",
      ]),
    tests(
      .unit, "DownloadsTests",
      [
        "Downloads", "Bytes", "ClientAddress", "Crypto", "HTTPClient", "Time", "System", "FileServer",
      ]),
    support(.support, "BucketStub", ["Bytes", "Crypto", "LiveDaemon"]),
    tests(
      .unit, "BlobStoresTests",
      ["BlobStores", "BucketStub", "LiveDaemon", "Bytes", "Crypto", "HTTPClient", "S3", "System", "Time"]),
    tests(.unit, "S3Tests", ["S3", "Bytes", "Crypto", "HTTPClient", "Time"]),
    tests(
      .unit, "RefusedDeliveriesTests",
      [
        "RefusedDeliveries", "RefusedRequests", "ClientAddress", "HTTPServer", "HTTPWire", "Routing", "Time",
        "EventLoop", "System", "JSONText", "Observability", logging,
      ]),
    tests(.unit, "ReadTokensTests", ["ReadTokens", "Routing", "Settings", "Time"]),
    tests(
      .unit, "JobsPageTests",
      [
        "JobsPage", "JobsAPI", "Routing", "HTTPServer", "HTTPWire", "ClientAddress", "Crypto", "Time",
        "LiveDaemon", "Daemon", "Jobs", "Replicate", "Settings", "Downloads", "BlobStores", "APITokens",
      ]),

    // Tests/Storage: the database and group commit, on real files and on a disk that fails.
    // A store to test, of every kind that there is, and samples for it.
    support(
      .storage, "StoreFixture",
      [
        "Ledger", "SQLiteStore", "SQLite", "PostgreSQL", "PostgreSQLStore", "PostgreSQLServer", "EventLoop",
        "System", "Jobs", "Time", "Scratch", "Tables", "Work", "PostgreSQLReads", "PostgreSQLSchema",
        "Simulation", "StoreSeam",
      ]),
    // What every store must do.
    tests(
      .storage, "StoreConformanceTests",
      ["StoreFixture", "Ledger", "Jobs", "Time", "Simulation", "Scratch", "Tables", "Work", "StoreSeam"]),
    // Several nodes on one PostgreSQL server.
    tests(
      .storage, "SharedStoreTests",
      [
        "StoreFixture", "PostgreSQL", "PostgreSQLStore", "PostgreSQLServer", "Ledger", "Jobs", "System",
        "Time", "Simulation", "Tables", "Work", "PostgreSQLReads", "PostgreSQLSchema", "StoreSeam",
      ]),
    // How jobs are read from PostgreSQL.
    tests(
      .storage, "PostgreSQLReadsTests",
      [
        "StoreFixture", "PostgreSQL", "PostgreSQLReads", "PostgreSQLSchema", "PostgreSQLServer", "EventLoop",
        "LiveDaemon", "System", "Jobs", "Time", "Tables", "StoreSeam",
      ]),
    // The connection to a PostgreSQL server.
    tests(.storage, "PostgreSQLTests", ["PostgreSQL", "Time", "PostgreSQLServer", "LiveDaemon"]),
    // What only the store in a SQLite file does.
    tests(
      .storage, "SQLiteStoreTests",
      ["StoreFixture", "SQLiteStore", "SQLite", "Ledger", "Jobs", "Time", "CSQLite", "Scratch", "StoreSeam"]),
    tests(
      .storage, "UsageSumsTests",
      [
        "StoreFixture", "UsageSums", "Jobs", "Time", "Scratch", "OldSchemas", "SQLiteStore", "Tables",
        "StoreSeam", "Ledger", "Observability",
      ]),
    tests(
      .storage, "JobCountsTests",
      [
        "StoreFixture", "Scratch", "OldSchemas", "Simulation", "PostgreSQL", "PostgreSQLServer",
        "PostgreSQLStore", "Tables", "Jobs", "JobCounts", "Ledger", "Time", "SQLiteStore", "System",
        "StoreSeam",
      ]),
    tests(
      .storage, "CallbacksTests",
      [
        "StoreFixture", "Callbacks", "ClientAddress", "HTTPClient", "Jobs", "Ledger", "Tables", "Time",
        "StandardWebhooks", "GroupCommit", "Simulation", "JobsAPI", "System", "Observability", "JSONText",
        "EventLoop", "ChangeFeed", "Scheduler", logging, "Work", "StoreSeam", "Routing",
      ]),
    // Kept files.
    tests(
      .storage, "WorkflowRecordsTests",
      [
        "WorkflowRecords", "WorkflowRules", "WorkflowDefinitions", "Jobs", "Ledger", "StoreFixture",
        "StoreSeam", "PostgreSQLServer", "PostgreSQLStore", "System", "Tables", "Time", "Work",
      ]),
    tests(
      .storage, "KeptFileStoreTests",
      [
        "KeptFiles", "Downloads", "BlobStores", "JobRequests", "Jobs", "Ledger", "StoreFixture", "StoreSeam",
        "Tables", "Time",
      ]),
    tests(.unit, "KeptFileRulesTests", ["KeptFiles", "Downloads", "Time"]),
    tests(
      .storage, "ArchiveTests",
      [
        "Archive", "KeptFiles", "BlobStores", "ChangeFeed", "ClientAddress", "Crypto", "EventLoop",
        "GroupCommit", "HTTPServer", "HTTPWire", "JobRequests", "Jobs", "JobsAPI", "Ledger", "LiveDaemon",
        logging, "Observability", "Routing", "S3", "Scheduler", "Settings", "StoreFixture", "StoreSeam",
        "System", "Tables", "Time", "Downloads", "APITokens",
      ]),
    tests(
      .storage, "JobDeletionTests",
      [
        "StoreFixture", "SimulatedAPI", "JobDeletion", "JobsAPI", "WebhookIntake", "Routing", "Settings",
        "HTTPWire", "Jobs", "Time", "Tables", "StoreSeam", "Ledger",
      ]),
    tests(
      .storage, "BodyRetentionTests",
      [
        "StoreFixture", "SimulatedAPI", "BodyRetention", "JobDeletion", "JobsAPI", "WebhookIntake", "Routing",
        "Settings", "HTTPWire", "Jobs", "Time", "Tables", "StoreSeam", "Ledger", "Work",
      ]),
    tests(
      .storage, "StoreFaultTests",
      [
        "Ledger", "SQLite", "SQLiteStore", "Jobs", "System", "Time", "CSQLite", "FaultyDisk", "OldSchemas",
        "Samples", "Scratch", "Simulation", "Tables", "JobRequests", "Work", "StoreSeam",
      ]),
    tests(
      .storage, "GroupCommitTests",
      [
        "GroupCommit", "Observability", "Ledger", "SQLiteStore", "Jobs", "EventLoop", "System", "Time",
        "CSQLite", "FaultyDisk", "Samples", "Scratch", logging, "SQLite", "StoreFixture", "StoreSeam",
      ]),

    tests(
      .storage, "ChangeFeedTests",
      [
        "ChangeFeed", "StoreFixture", "Ledger", "Jobs", "EventLoop", "System", "Time", "Samples",
        "Simulation", "Tables", "Work", "StoreSeam",
      ]),

    // Workflows over a store, through the API and by the clock.
    tests(
      .storage, "WorkflowsTests",
      [
        "SimulatedAPI", "StoreFixture", "Workflows", "EventStreams", "JobDeletion", "JobsAPI", "Jobs",
        "Ledger", "Scheduler", "Settings", "StoreSeam", "Time", "WebhookIntake", "WorkflowRecords", "Tables",
      ]),

    // Reads that wait and streams, through the server, over a store.
    tests(
      .storage, "WaitingReadTests",
      ["SimulatedAPI", "StoreFixture", "HTTPServer", "Simulation"]),
    tests(
      .storage, "EventStreamsTests",
      [
        "SimulatedAPI", "StoreFixture", "EventStreams", "HTTPServer", "Simulation", "Settings", "JobsAPI",
        "StoreSeam", "Ledger",
      ]),

    // Tests/Simulation: the receiver, and the whole daemon, on a kernel, a disk and a clock with a seed.
    tests(
      .simulation, "SimulationTests",
      [
        "Time", "Crypto", "System", "Jobs", "Replicate", "Settings", "Observability", "GroupCommit",
        "Scheduler", "WebhookIntake", "Daemon", "EventLoop", "HTTPServer", "HTTPClient", "StandardWebhooks",
        "SQLite", "Ledger", "SQLiteStore", "CSQLite", "FaultyDisk", "Simulation", logging, "Routing",
        "HTTPWire", "ChangeFeed", "JobsAPI", "Tables", "Work", "StoreSeam", "JSONText", "WorkflowGraphs",
        "Reload",
      ]),

    // Tests/Process: the built programs.
    tests(
      .process, "CommandTests",
      [
        "LiveDaemon", "PostgreSQLServer", "PostgreSQL", "OldSchemas", "Scratch", "Simulation", "Stubs",
        "System", "Time", "EventLoop",
        "HTTPWire", "JSONText", "StandardWebhooks", "replicate-webhookd", "Console", "FaultyDisk",
        "TLSClient",
      ]),
    tests(
      .process, "SimulatorTests",
      [
        "replicate-simulator", "Bytes", "Crypto", "Time", "System", "EventLoop", "HTTPServer", "HTTPWire",
        "HTTPClient",
        "JSONText", "Replicate", "StandardWebhooks", "LiveDaemon",
      ]),
    tests(
      .process, "WebhookBenchTests",
      ["webhook-bench", "LiveDaemon", "StandardWebhooks", "replicate-webhookd"]),
    // The page of the jobs API in a browser.
    tests(
      .process, "PageTests",
      [
        "Browser", "BucketStub", "LiveDaemon", "PostgreSQLServer", "Stubs", "HTTPWire", "replicate-webhookd",
        "replicate-simulator",
      ]),
    // Files that the daemon keeps, from sources and in stores that fail.
    tests(
      .process, "KeptFilesTests",
      [
        "LiveDaemon", "FaultyDisk", "FileServer", "BucketStub", "PostgreSQLServer", "Bytes", "Crypto",
        "replicate-webhookd", "replicate-simulator",
      ]),
    // The daemon and what stands in for Replicate, as processes that fail.
    tests(
      .process, "FleetTests",
      [
        "LiveDaemon", "PostgreSQLServer", "HTTPWire", "StandardWebhooks", "Stubs", "FaultyDisk", "JSONText",
        "WorkflowGraphs", "replicate-webhookd", "replicate-simulator",
      ]),

    // Tests/Proofs: what must hold whatever happens to a daemon, checked on a real one by deploy/prove.sh.
    support(
      .proofs, "Proofs",
      ["LiveDaemon", "Crypto", "StandardWebhooks", "Simulation", "Bytes", "PostgreSQL", "PostgreSQLServer"]),
    testCommand(.proofs, "webhook-prove", ["Proofs", arguments]),
    tests(.proofs, "ProofsTests", ["Proofs", "PostgreSQL", "PostgreSQLServer"]),

    // Tests/Conformance: raw bytes to a live server, and what the RFCs allow it to answer.
    support(.conformance, "Conformance"),
    testCommand(.conformance, "http-conformance", ["CLinux", "Conformance", arguments]),
    tests(
      .conformance, "ConformanceTests",
      [
        "Conformance", "LiveDaemon", "replicate-webhookd", "HTTPServer", "HTTPWire", "Routing", "EventLoop",
        "System",
      ]),

    // Tests/Fuzz: what no input may do to the parsers. deploy/fuzz.sh checks it with random inputs, the
    // tests with kept ones.
    support(
      .fuzz, "FuzzTargets",
      ["Crypto", "Time", "HTTPWire", "JSONText", "Jobs", "JobRequests", "Replicate", "StandardWebhooks"]),
    tests(.fuzz, "FuzzRegressionTests", ["FuzzTargets", "Simulation"]),
  ] + (isFuzzing ? fuzzing : [])
)
