/// A self-signed certificate and key, valid for a day.
///
/// The openssl command makes them.
struct Certificate {
  let certificatePath: String
  let keyPath: String

  init(in folder: TemporaryFolder) throws {
    certificatePath = "\(folder.path)/certificate.pem"
    keyPath = "\(folder.path)/key.pem"
    let log = "\(folder.path)/openssl.log"
    let process = try ChildProcess(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-keyout", keyPath, "-out", certificatePath, "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost",
      ], environment: ["PATH=/usr/bin:/bin"], output: log)
    guard process.wait() == 0 else {
      throw Failure("openssl cannot make a certificate: \(SystemFile.text(of: log) ?? "")", .system)
    }
  }

  var settings: [String] { ["TLS_CERTIFICATE=\(certificatePath)", "TLS_KEY=\(keyPath)"] }
}
