package import Foundation

/// The built programs, and the root of the project.
package enum Program {
  /// The path of the command.
  package static let path = path(of: "replicate-webhookd")

  /// The path of a built program, beside the bundle of the tests.
  package static func path(of name: String) -> String {
    let arguments = ProcessInfo.processInfo.arguments
    let bundle = arguments.first { $0.hasSuffix(".xctest") } ?? arguments[0]
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// The root of the project.
  package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  package struct Result {
    package let status: Int32
    package let output: String
    package let error: String
  }

  /// Runs a program to its end, with only `environment`.
  package static func run(
    _ arguments: [String], environment: [String: String] = [:], executable: String = path
  ) throws -> Result {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own }
      .merging(sanitizerOptions) { own, _ in own }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // No command here writes more to standard error than a pipe holds.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let errorText = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Result(status: process.terminationStatus, output: text, error: errorText)
  }
}

/// The sanitizer options of the tests' environment, passed on to started processes.
let sanitizerOptions = ProcessInfo.processInfo.environment.filter { name, _ in
  name == "ASAN_OPTIONS" || name == "TSAN_OPTIONS"
}

/// Whether the suite was built with AddressSanitizer, as deploy/test.sh sets it.
package let hasAddressSanitizer = sanitizerOptions["ASAN_OPTIONS"] != nil
