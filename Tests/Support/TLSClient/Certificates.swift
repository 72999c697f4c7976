internal import Foundation
internal import LiveDaemon
package import TLS

/// Certificates and keys made by the openssl command.
///
/// They are made on first use, and deleted when the process ends.
package enum Certificates {
  package struct Pair: Sendable {
    package let certificate: String
    package let key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }

    package func context(
      now: Int64 = Certificates.now, replacing previous: TLSContext? = nil
    ) throws -> TLSContext {
      try TLSContext(certificatePath: certificate, keyPath: key, now: now, replacing: previous)
    }
  }

  /// An hour from now.
  ///
  /// Certificates are valid only from the second in which a test makes them.
  package static let now = Int64(Date().timeIntervalSince1970) + 3600
  package static let name = "hooks.example.com"

  package static let ecdsa = make("ecdsa", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
  package static let rsa = make("rsa", ["rsa:2048"])
  package static let ed25519 = make("ed25519", ["ed25519"])
  package static let weakRSA = make("weak-rsa", ["rsa:1024"])

  private static let folder: URL = {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("tls-tests-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: Certificates.folder) }
    return url
  }()

  package static func path(_ name: String) -> String {
    folder.appendingPathComponent(name).path
  }

  /// Writes a file and returns its path.
  package static func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: folder.appendingPathComponent(name))
    return path(name)
  }

  package static func contents(of path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Runs the openssl command.
  ///
  /// Its output is in the error if it fails.
  package static func openssl(_ arguments: [String]) throws {
    let process = ChildProcess()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardError = output
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(text: text) }
  }

  package struct Failure: Error {
    let text: String
  }

  /// A self-signed certificate for `name` and `*.example.net`.
  private static func make(_ file: String, _ algorithm: [String]) -> Pair {
    let pair = Pair(certificate: path("\(file).crt"), key: path("\(file).key"))
    do {
      try openssl(
        ["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=\(name)"]
          + ["-addext", "subjectAltName=DNS:\(name),IP:127.0.0.1,DNS:*.Example.net"]
          + ["-keyout", pair.key, "-out", pair.certificate, "-newkey"] + algorithm)
    } catch {
      preconditionFailure("no certificate for the tests: \(error)")
    }
    return pair
  }
}
