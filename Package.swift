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

/// Has a room tell libFuzzer which ways through it an input takes.
let traced: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"])] : []

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house + traced)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: house)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// No other build could link this: libFuzzer brings the functions that instrumented code calls.
let fuzzing: [Target] = [
  .target(name: "CLibFuzzer", path: "Tests/Fuzzing/CLibFuzzer"),
  .executableTarget(
    name: "fuzz", dependencies: ["CLibFuzzer", "CLinux", "FuzzTargets"], path: "Tests/Fuzzing/Program",
    swiftSettings: house,
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
]

let package = Package(
  name: "replicate-webhookd",
  products: [.executable(name: "replicate-webhookd", targets: ["replicate-webhookd"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C libraries, each imported by as few rooms as can be. Every executable links CLinux, which opens the standard
    // descriptors that are closed.
    .target(name: "CLinux"),
    .target(name: "CPerfEvents"),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),

    // Leaves: what every other room may use.
    room("Bytes"),
    room("Time"),
    room("Crypto", ["COpenSSL"]),
    room("System", ["CLinux", "Time"]),

    // Protocols, each by its specification. Siblings import each other only along the arrows shown here.
    room("JSONText", ["Bytes"]),
    room("HTTPWire", ["Bytes"]),
    room("ClientAddress", ["Bytes"]),
    room("StandardWebhooks", ["COpenSSL", "Crypto"]),
    room("TLS", ["COpenSSL"]),
    room("EventLoop", ["CLinux", "Time", "System"]),
    room("HTTPServer", ["Time", "System", "HTTPWire", "ClientAddress", "TLS", "EventLoop"]),
    room("Routing", ["JSONText", "HTTPWire", "HTTPServer"]),
    room("HTTPClient", ["CCurl"]),

    // The domain: jobs, what an app may request, and where both are kept.
    room("Jobs", ["Bytes", "Time"]),
    room("JobRequests", ["Bytes", "JSONText"]),
    room("Store", ["CSQLite", "Time", "Jobs"]),

    // The provider: Replicate's wire.
    room("Replicate", ["Bytes", "Time", "Crypto", "JSONText", "HTTPClient", "Jobs", "JobRequests"]),

    // What the rooms above report to, and what they are set by.
    room(
      "Observability",
      [
        "Time", "System", "JSONText", "EventLoop", "HTTPServer", "Routing", "Jobs", logging,
      ]),
    room(
      "Settings",
      [
        "Bytes", "Crypto", "HTTPWire", "ClientAddress", "StandardWebhooks", "EventLoop", "HTTPServer",
        "JobRequests", "Replicate", "Observability",
      ]),

    // Machinery.
    room("GroupCommit", ["Time", "System", "EventLoop", "Jobs", "Store", "Observability", logging]),
    room(
      "Scheduler",
      [
        "Time", "System", "HTTPWire", "StandardWebhooks", "HTTPServer", "HTTPClient", "Jobs", "JobRequests",
        "Store", "Replicate", "Observability", "Settings", "GroupCommit", logging,
      ]),

    // The doors.
    room(
      "WebhookIntake",
      [
        "Time", "HTTPWire", "StandardWebhooks", "EventLoop", "HTTPServer", "Routing", "Jobs", "JobRequests",
        "Store", "Replicate", "Observability", "GroupCommit", logging,
      ]),
    room(
      "JobsAPI",
      [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "EventLoop", "HTTPServer", "Routing",
        "Jobs", "JobRequests", "Store", "Replicate", "Observability", "Settings", "GroupCommit", "Scheduler",
      ]),

    // The wiring.
    room(
      "Daemon",
      [
        "Time", "System", "HTTPWire", "ClientAddress", "StandardWebhooks", "TLS", "EventLoop", "HTTPServer",
        "Routing", "HTTPClient", "Jobs", "Store", "Replicate", "Observability", "Settings", "GroupCommit",
        "Scheduler", "WebhookIntake", "JobsAPI", logging,
      ]),
    .executableTarget(
      name: "replicate-webhookd",
      dependencies: [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "StandardWebhooks", "TLS", "EventLoop",
        "HTTPClient", "Jobs", "Store", "Replicate", "Observability", "Settings", "Daemon", arguments,
        logging,
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

    // Stands in for Replicate: enough of its API for demos and tests, and signed webhooks. No part of the daemon.
    .executableTarget(
      name: "replicate-simulator",
      dependencies: [
        "Bytes", "Time", "Crypto", "System", "JSONText", "HTTPWire", "StandardWebhooks", "EventLoop",
        "HTTPServer", "HTTPClient", "Jobs", arguments,
      ],
      swiftSettings: house),

    // A kernel with a seed, on which the rooms above EventLoop are tested.
    .target(
      name: "Simulation", dependencies: ["EventLoop", "System", "Time"], path: "Tests/Simulation",
      swiftSettings: house),
    // Raw bytes to a live server, and what the RFCs allow it to answer.
    .target(
      name: "Conformance", path: "Tests/Conformance", exclude: ["README.md", "peers"], swiftSettings: house),
    .executableTarget(
      name: "http-conformance", dependencies: ["CLinux", "Conformance", arguments],
      path: "Tests/http-conformance",
      swiftSettings: house),
    tests("ConformanceTests", ["Conformance", "LiveDaemon", "replicate-webhookd"]),
    // The other end of TLS, over bytes in memory.
    .target(
      name: "TLSClient", dependencies: ["COpenSSL", "TLS"], path: "Tests/TLSClient", swiftSettings: house),
    tests("JobsTests", ["Jobs", "Time", "Simulation"]),
    tests("EventLoopTests", ["EventLoop", "System", "Time", "Simulation"]),
    tests(
      "HTTPServerTests",
      [
        "HTTPServer", "Routing", "HTTPWire", "EventLoop", "System", "Time", "ClientAddress", "Simulation",
        "TLS", "TLSClient",
      ]),
    tests("JSONTextTests", ["JSONText"]),
    tests("HTTPWireTests", ["HTTPWire", "Bytes", "Time"]),
    tests("ClientAddressTests", ["ClientAddress", "Simulation"]),
    tests("StandardWebhooksTests", ["StandardWebhooks", "Crypto"], resources: [.copy("Fixtures")]),
    tests("TLSTests", ["TLS", "Time", "System", "COpenSSL", "Simulation", "TLSClient"]),
    tests(
      "ReceiverTests",
      [
        "Bytes", "Time", "Crypto", "System", "Jobs", "JobRequests", "JSONText", "Replicate", "Settings",
        "Observability", "GroupCommit", "Scheduler", "WebhookIntake", "JobsAPI", "Daemon", "EventLoop",
        "HTTPServer", "Routing", "HTTPWire", "HTTPClient", "StandardWebhooks", "Store", "TLS",
        "CSQLite", "FaultyDisk", "Simulation", logging,
      ], resources: [.copy("Documents")]),
    tests(
      "SimulatorTests",
      [
        "replicate-simulator", "Bytes", "Time", "System", "Crypto", "EventLoop", "HTTPServer", "Routing",
        "HTTPWire", "HTTPClient", "JSONText", "Jobs",
        "Replicate", "JobRequests", "StandardWebhooks", "ClientAddress", "LiveDaemon",
      ]),
    // The built daemon as a process, and a plain client of it.
    .target(
      name: "LiveDaemon", dependencies: ["StandardWebhooks"], path: "Tests/LiveDaemon", swiftSettings: house),
    tests(
      "CommandTests",
      [
        "LiveDaemon", "Settings", "Observability", "Daemon", "System", "Time", "Crypto", "Jobs",
        "JobRequests", "EventLoop", "HTTPServer", "Routing", "HTTPWire", "JSONText", "StandardWebhooks",
        "replicate-webhookd",
      ]),
    // The daemon and what stands in for Replicate, as processes that fail.
    tests("FleetTests", ["LiveDaemon", "replicate-webhookd", "replicate-simulator"]),
    // What must hold whatever happens to a daemon, asked of a real one by deploy/prove.sh.
    .target(
      name: "Proofs", dependencies: ["LiveDaemon", "Crypto", "StandardWebhooks", "Simulation"],
      path: "Tests/Proofs",
      swiftSettings: house),
    .executableTarget(
      name: "webhook-prove", dependencies: ["Proofs", arguments], path: "Tests/webhook-prove",
      swiftSettings: house),
    tests("ProofsTests", ["Proofs"]),
    // The whole receiver on a kernel, a disk and a clock with a seed.
    tests(
      "ReceiverSimulationTests",
      [
        "Bytes", "Time", "Crypto", "System", "Jobs", "JobRequests", "JSONText", "Replicate", "Settings",
        "Observability", "GroupCommit", "Scheduler", "WebhookIntake", "JobsAPI", "Daemon", "EventLoop",
        "HTTPServer", "Routing", "HTTPWire", "HTTPClient", "StandardWebhooks", "Store", "CSQLite",
        "ClientAddress", "FaultyDisk", "Simulation", logging,
      ]),
    tests("WebhookBenchTests", ["webhook-bench", "StandardWebhooks", "replicate-webhookd"]),
    tests("StoreTests", ["Store", "Jobs", "Time", "System", "CSQLite"]),
    // A disk that fails on demand, beneath SQLite.
    .target(name: "FaultyVFS", dependencies: ["CSQLite"], path: "Tests/FaultyVFS"),
    .target(
      name: "FaultyDisk", dependencies: ["FaultyVFS"], path: "Tests/FaultyDisk", swiftSettings: house),
    tests("StoreFaultTests", ["Store", "Jobs", "Time", "System", "CSQLite", "FaultyDisk", "Simulation"]),
    tests(
      "ReplicateAPITests", ["Replicate", "JobRequests", "JSONText", "Jobs", "Time", "Simulation"],
      resources: [.copy("Payloads")]),

    // What no input may do to the parsers: asked of random inputs by deploy/fuzz.sh, of kept ones by the
    // tests.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Bytes", "Crypto", "Time", "HTTPWire", "JSONText", "Jobs", "JobRequests", "Replicate",
        "StandardWebhooks",
      ],
      path: "Tests/FuzzTargets", swiftSettings: house),
    tests("FuzzRegressionTests", ["FuzzTargets", "HTTPWire", "Simulation"]),
  ] + (isFuzzing ? fuzzing : [])
)
