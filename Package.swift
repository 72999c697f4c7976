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
    // Pure values: nothing here touches the outside.
    room("Jobs"),
    room("JSONText"),
    room("HTTPWire"),
    room("ClientAddress"),

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

    // Rooms with one reason to change. Siblings never import each other.
    room("StandardWebhooks", ["COpenSSL"]),
    room("TLS", ["COpenSSL"]),
    room("EventLoop", ["CLinux"]),
    room("HTTPServer", ["HTTPWire", "EventLoop", "ClientAddress", "TLS"]),
    room("HTTPClient", ["CCurl"]),
    room("Store", ["Jobs", "CSQLite"]),
    room("ReplicateAPI", ["Jobs", "JSONText"]),

    // The product, and its command.
    room(
      "Receiver",
      [
        "Jobs", "JSONText", "HTTPWire", "ClientAddress", "StandardWebhooks", "EventLoop", "HTTPServer",
        "HTTPClient", "TLS", "Store", "ReplicateAPI", logging,
      ]),
    .executableTarget(
      name: "replicate-webhookd",
      dependencies: [
        "Receiver", "EventLoop", "HTTPClient", "HTTPWire", "Jobs", "JSONText", "ReplicateAPI",
        "StandardWebhooks", "Store", "TLS", arguments, logging,
      ],
      swiftSettings: house),

    // Measures the daemon, or another receiver; shares no code with what it measures but the signing. It
    // depends on the command only so that `swift run` builds the daemon that it starts.
    .executableTarget(
      name: "webhook-bench",
      dependencies: [
        "StandardWebhooks", "CLinux", "COpenSSL", "CPerfEvents", "replicate-webhookd", arguments,
      ],
      swiftSettings: house),

    // Stands in for Replicate: enough of its API for demos and tests, and signed webhooks. No part of the daemon.
    .executableTarget(
      name: "replicate-simulator",
      dependencies: [
        "EventLoop", "HTTPServer", "HTTPWire", "HTTPClient", "JSONText", "Jobs", "StandardWebhooks",
        arguments,
      ],
      swiftSettings: house),

    // A kernel with a seed, on which the rooms above EventLoop are tested.
    .target(name: "Simulation", dependencies: ["EventLoop"], path: "Tests/Simulation", swiftSettings: house),
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
    tests("JobsTests", ["Jobs", "Simulation"]),
    tests("EventLoopTests", ["EventLoop", "Simulation"]),
    tests(
      "HTTPServerTests",
      ["HTTPServer", "HTTPWire", "EventLoop", "ClientAddress", "Simulation", "TLS", "TLSClient"]),
    tests("JSONTextTests", ["JSONText"]),
    tests("HTTPWireTests", ["HTTPWire"]),
    tests("ClientAddressTests", ["ClientAddress", "Simulation"]),
    tests("StandardWebhooksTests", ["StandardWebhooks"], resources: [.copy("Fixtures")]),
    tests("TLSTests", ["TLS", "COpenSSL", "Simulation", "TLSClient"]),
    tests(
      "ReceiverTests",
      [
        "Receiver", "EventLoop", "HTTPServer", "HTTPWire", "StandardWebhooks", "Store", "Jobs",
        "ReplicateAPI",
        "CSQLite", "FaultyDisk", "Simulation", logging,
      ], resources: [.copy("Documents")]),
    tests(
      "SimulatorTests",
      [
        "replicate-simulator", "EventLoop", "HTTPServer", "HTTPWire", "HTTPClient", "JSONText", "Jobs",
        "ReplicateAPI", "StandardWebhooks", "ClientAddress", "LiveDaemon",
      ]),
    // The built daemon as a process, and a plain client of it.
    .target(
      name: "LiveDaemon", dependencies: ["StandardWebhooks"], path: "Tests/LiveDaemon", swiftSettings: house),
    tests(
      "CommandTests",
      [
        "LiveDaemon", "Receiver", "EventLoop", "HTTPServer", "HTTPWire", "JSONText", "StandardWebhooks",
        "replicate-webhookd",
      ]),
    // The daemon and what stands in for Replicate, as processes that fail.
    tests("FleetTests", ["LiveDaemon", "replicate-webhookd", "replicate-simulator"]),
    // What must hold whatever happens to a daemon, asked of a real one by deploy/prove.sh.
    .target(
      name: "Proofs", dependencies: ["LiveDaemon", "StandardWebhooks", "Simulation"], path: "Tests/Proofs",
      swiftSettings: house),
    .executableTarget(
      name: "webhook-prove", dependencies: ["Proofs", arguments], path: "Tests/webhook-prove",
      swiftSettings: house),
    tests("ProofsTests", ["Proofs"]),
    // The whole receiver on a kernel, a disk and a clock with a seed.
    tests(
      "ReceiverSimulationTests",
      [
        "Receiver", "EventLoop", "HTTPServer", "HTTPWire", "StandardWebhooks", "Store", "Jobs", "CSQLite",
        "ClientAddress", "FaultyDisk", "ReplicateAPI", "Simulation", logging,
      ]),
    tests("WebhookBenchTests", ["webhook-bench", "replicate-webhookd"]),
    tests("StoreTests", ["Store", "Jobs", "CSQLite"]),
    // A disk that fails on demand, beneath SQLite.
    .target(name: "FaultyVFS", dependencies: ["CSQLite"], path: "Tests/FaultyVFS"),
    .target(
      name: "FaultyDisk", dependencies: ["FaultyVFS"], path: "Tests/FaultyDisk", swiftSettings: house),
    tests("StoreFaultTests", ["Store", "Jobs", "CSQLite", "FaultyDisk", "Simulation"]),
    tests(
      "ReplicateAPITests", ["ReplicateAPI", "JSONText", "Jobs", "Simulation"], resources: [.copy("Payloads")]),

    // What no input may do to the parsers: asked of random inputs by deploy/fuzz.sh, of kept ones by the
    // tests.
    .target(
      name: "FuzzTargets",
      dependencies: ["HTTPWire", "JSONText", "Jobs", "ReplicateAPI", "StandardWebhooks"],
      path: "Tests/FuzzTargets", swiftSettings: house),
    tests("FuzzRegressionTests", ["FuzzTargets", "HTTPWire", "Simulation"]),
  ] + (isFuzzing ? fuzzing : [])
)
