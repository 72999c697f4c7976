import Foundation
import LiveDaemon
import Testing

/// The certificates and keys of one test, created by the openssl command.
enum Certificates {
  /// Creates the files of a test.
  ///
  /// `certificate.pem` and `key.pem` belong together. `other.pem` is another key, `encrypted.pem` is
  /// `key.pem` with a passphrase, and `expired.pem` is a certificate of yesterday.
  static func make(in folder: TemporaryFolder) throws {
    let path = folder.url.path
    try openssl(serving("hooks.example.com", in: path))
    try openssl([
      "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "\(path)/other.pem",
    ])
    try openssl([
      "pkey", "-in", "\(path)/key.pem", "-aes256", "-passout", "pass:secret", "-out", "\(path)/encrypted.pem",
    ])
    try openssl(["req", "-new", "-key", "\(path)/key.pem", "-subj", "/CN=old", "-out", "\(path)/request.pem"])
    // openssl rejects an end date in the past, but not a negative number of days.
    try openssl([
      "x509", "-req", "-in", "\(path)/request.pem", "-signkey", "\(path)/key.pem", "-days", "-1",
      "-out", "\(path)/expired.pem",
    ])
  }

  static func serving(_ name: String, in path: String) -> [String] {
    [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
      "-keyout", "\(path)/key.pem", "-out", "\(path)/certificate.pem", "-subj", "/CN=\(name)",
      "-addext", "subjectAltName=DNS:\(name),DNS:localhost",
    ]
  }

  private static func openssl(_ arguments: [String]) throws {
    let result = try Program.run(arguments, executable: "/usr/bin/openssl")
    try #require(result.status == 0, "openssl \(arguments): \(result.error)")
  }
}

/// A daemon with TLS on its webhooks listener.
final class TLSDaemon {
  let daemon: Daemon
  private let folder: TemporaryFolder

  init(environment: [String: String] = [:]) throws {
    folder = try TemporaryFolder()
    try Certificates.make(in: folder)
    daemon = try Daemon(
      in: folder,
      environment: [
        "TLS_CERTIFICATE": "\(folder.url.path)/certificate.pem", "TLS_KEY": "\(folder.url.path)/key.pem",
      ].merging(environment) { $1 })
  }

  var port: Int { daemon.webhookPort }
  var certificate: String { folder.url.appendingPathComponent("certificate.pem").path }

  /// Runs `openssl s_client` against the daemon until `input` ends.
  func openssl(_ arguments: [String], input: String = "") throws -> Program.Result {
    let command = "printf '%s' \"$0\" | timeout 20 openssl s_client -connect 127.0.0.1:\(port) \"$@\""
    return try Program.run(["-c", command, input] + arguments, executable: "/bin/bash")
  }

  /// Runs `script` in Python after a prelude of helpers.
  ///
  /// `trusting()` makes a context, `connect(context, session)` a connection, and `get_status(connection)`
  /// returns the status of a request on it.
  func python(_ script: String) throws -> Program.Result {
    let prelude = """
      import os, signal, socket, ssl, subprocess, time
      daemon, port = \(daemon.process.processIdentifier), \(port)
      folder, log = "\(folder.url.path)", "\(daemon.logPath)"
      certificate, key = folder + "/certificate.pem", folder + "/key.pem"
      def make_certificate(name):
          command = \(Certificates.serving("NAME", in: folder.url.path))
          return ["openssl"] + [part.replace("NAME", name) for part in command]
      def trusting():
          return ssl.create_default_context(cafile=certificate)
      def connect(context, session=None):
          plain = socket.create_connection(("127.0.0.1", port), timeout=20)
          return context.wrap_socket(plain, server_hostname="localhost", session=session)
      def get_status(connection):
          connection.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
          answer = b""
          while not answer.endswith(b"}"):
              piece = connection.recv(4096)
              assert piece, "closed"
              answer += piece
          return int(answer.split()[1])
      def until_logged(text, count):
          end = time.monotonic() + 20
          while open(log).read().count(text) < count:
              assert time.monotonic() < end, "not logged: " + text
              time.sleep(0.01)

      """
    return try Program.run(["-c", prelude + script], executable: "/usr/bin/python3")
  }
}
