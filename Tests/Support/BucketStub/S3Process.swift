import Foundation
package import LiveDaemon

/// The programs of the folder in which deploy/test.sh installs what tests compare with.
package enum OfficialLibraries {
  package static let python = ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"]

  package static func program(_ name: String) -> String? {
    guard let python else { return nil }
    let path = URL(fileURLWithPath: python).deletingLastPathComponent().appendingPathComponent(name).path
    return access(path, X_OK) == 0 ? path : nil
  }

  /// Whether Python has boto3, the client of AWS.
  package static let hasBoto = (try? run("import boto3").status) == 0

  /// Runs a script to its end.
  package static func run(_ script: String, _ arguments: [String] = []) throws -> Program.Result {
    guard let python else { throw Unusable("OFFICIAL_LIBRARIES_PYTHON is not set") }
    return try Program.run(["-c", script] + arguments, executable: python)
  }
}

/// A server for S3 that others wrote: a process that ends with the tests.
package final class S3Process: Sendable {
  package let port: Int
  private let process = ChildProcess()
  private let folder: TemporaryFolder

  package var endpoint: String { "http://127.0.0.1:\(port)" }

  /// SeaweedFS, which checks each signature.
  package static func seaweedFS(_ program: String) throws -> S3Process {
    try S3Process { folder, ports in
      let identities = """
        {"identities": [{"name": "test", "actions": ["Admin"],
          "credentials": [{"accessKey": "\(TestKey.id)", "secretKey": "\(TestKey.secret)"}]}]}
        """
      return [
        program, "server", "-dir=\(folder.url.path)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20", "-filer", "-s3",
        "-s3.port=\(ports[0])", "-s3.config=\(try folder.write(identities, to: "s3.json"))",
        "-s3.port.grpc=\(ports[1])", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.localSocket=\(folder.url.path)/s3.sock", "-master.port=\(ports[2])",
        "-master.port.grpc=\(ports[3])", "-volume.port=\(ports[4])", "-volume.port.grpc=\(ports[5])",
        "-filer.port=\(ports[6])", "-filer.port.grpc=\(ports[7])",
      ]
    }
  }

  /// moto, which stores all it receives and checks nothing.
  package static func moto(_ program: String) throws -> S3Process {
    try S3Process { _, ports in [program, "-H", "127.0.0.1", "-p", "\(ports[0])"] }
  }

  private init(_ command: (TemporaryFolder, [Int]) throws -> [String]) throws {
    let ports = try FreePorts.choose(8)
    port = ports[0]
    folder = try TemporaryFolder()
    let command = StartingThread.killedWithUs + (try command(folder, ports))
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder.url.path]
    let output = URL(fileURLWithPath: try folder.write("", to: "output"))
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = process.standardOutput
    process.standardInput = FileHandle.nullDevice
    try StartingThread.run(process)
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// Waits until the server answers, and creates the bucket.
  package func createBucket(_ name: String) throws {
    let script = """
      import boto3, sys
      from botocore.config import Config
      boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id=sys.argv[2],
        aws_secret_access_key=sys.argv[3], config=Config(s3={'addressing_style': 'path'})
      ).create_bucket(Bucket=sys.argv[4])
      """
    try wait("the server on port \(port)", seconds: 120) {
      guard process.isRunning else { throw Unusable("the server ended: \(output)") }
      guard let answer = try? HTTPConnection(host: "127.0.0.1", port: port) else { return false }
      _ = answer
      return try OfficialLibraries.run(script, [endpoint, TestKey.id, TestKey.secret, name]).status == 0
    }
  }

  private var output: String {
    (try? String(contentsOf: folder.url.appendingPathComponent("output"), encoding: .utf8)) ?? ""
  }
}

/// The servers that the store is tested against.
package enum TestServer: String, CaseIterable, Sendable {
  /// The stand-in of these tests, which checks most.
  case stub
  case seaweedFS
  /// A second reader, where somebody has installed it.
  case moto

  package static let bucket = "outputs"
  package static let region = "us-east-1"
  package static let available: [TestServer] = allCases.filter { $0 == .stub || $0.program != nil }

  /// Whether wrong signatures are refused.
  package var isStrict: Bool { self != .moto }

  private var program: String? {
    guard OfficialLibraries.hasBoto else { return nil }
    return switch self {
    case .stub: nil
    case .seaweedFS: OfficialLibraries.program("weed")
    case .moto: OfficialLibraries.program("moto_server")
    }
  }

  package func endpoint() throws -> String {
    switch self {
    case .stub: try Self.ownStub.get().endpoint
    case .seaweedFS: try Self.seaweedProcess.get().endpoint
    case .moto: try Self.motoProcess.get().endpoint
    }
  }

  private static let ownStub = Result { try TestKey.stub(bucket: bucket, region: region) }
  private static let seaweedProcess = Result {
    let process = try S3Process.seaweedFS(TestServer.seaweedFS.program ?? "")
    try process.createBucket(bucket)
    return process
  }
  private static let motoProcess = Result {
    let process = try S3Process.moto(TestServer.moto.program ?? "")
    try process.createBucket(bucket)
    return process
  }
}
