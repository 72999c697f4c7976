import Foundation
import HTTPWire
import LiveDaemon
import Stubs
import Testing

extension ProcessTests {
  /// Commands that run until their job ends, or until SIGINT.
  @Suite struct InterruptTests {
    private static let running = #"{"id":"j1","state":"running","revision":1,"model":"a/b"}"#

    /// Sends SIGINT to a command as soon as `isReached`.
    ///
    /// Returns its status and its output.
    private func interrupt(
      _ command: [String], onTerminal: Bool = false, at url: String, when isReached: (String) -> Bool
    ) throws -> (status: Int32, output: String) {
      let folder = try TemporaryFolder()
      let file = URL(fileURLWithPath: try folder.write("", to: "output"))
      let process = ChildProcess()
      let words = command + ["--api", url]
      // script(1) gives the command a terminal, and passes on SIGINT's byte as a keyboard does.
      process.executableURL = URL(fileURLWithPath: onTerminal ? "/usr/bin/script" : Program.path)
      let line = (["exec", Program.path] + words).joined(separator: " ")
      process.arguments = onTerminal ? ["-qefc", line, "/dev/null"] : words
      process.environment = ["PATH": "/usr/bin:/bin"]
      // One file for both, so that neither overwrites the other.
      let output = try FileHandle(forWritingTo: file)
      process.standardOutput = output
      process.standardError = output
      let keyboard = Pipe()
      process.standardInput = keyboard
      try process.run()
      defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
      func text() throws -> String { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
      for _ in 0..<6000 {
        if try isReached(text()) || !process.isRunning { break }
        poll(nil, 0, 5)
      }
      guard process.isRunning else { throw Unusable("it ended by itself: \(try text())") }
      if onTerminal {
        try keyboard.fileHandleForWriting.write(contentsOf: Data([0x03]))
      } else {
        kill(process.processIdentifier, SIGINT)
      }
      for _ in 0..<6000 where process.isRunning { poll(nil, 0, 5) }
      guard !process.isRunning else { throw Unusable("it continues after SIGINT: \(try text())") }
      return (process.terminationStatus, try text())
    }

    @Test func theCommandEndsAndTheJobContinues() throws {
      let stub = try StubAPI { request, _ in
        .json(Self.running, request.line == "POST /jobs" ? .accepted : .ok)
      }
      let end = try interrupt(["run", "a/b"], at: stub.url) { $0.contains("j1  running\n") }
      #expect(end.status == 130, "\(end)")
      #expect(end.output.contains("`replicate-webhookd job j1 --follow` follows it"))
      #expect(end.output.contains("`replicate-webhookd cancel j1` cancels it"))
      #expect(!stub.lines.contains("POST /jobs/j1/cancel"))
    }

    /// SIGINT during a call without an answer.
    @Test func aDaemonThatIsSilentIsNotWaitedFor() throws {
      let silent = try SilentListener()
      let end = try interrupt(["run", "a/b"], at: silent.url) { _ in silent.hasAccepted() }
      #expect(end.status == 130 && end.output.contains("ended before the daemon answered"), "\(end)")
    }

    @Test func aTerminalHasOneLineThatIsOverwritten() throws {
      let stub = try StubAPI { request, _ in
        .json(Self.running, request.line == "POST /jobs" ? .accepted : .ok)
      }
      let end = try interrupt(["run", "a/b"], onTerminal: true, at: stub.url) {
        $0.contains("\r\u{1B}[Krunning  1 s")
      }
      #expect(end.status == 130 && end.output.hasPrefix("j1\r\n\r\u{1B}[Krunning  0 s"), "\(end)")
      #expect(end.output.contains("`replicate-webhookd cancel j1`"))
    }

    private static let workflow = #"""
      {"id":"w1","state":"running","steps":[{"name":"image","state":"running"}]}
      """#

    private static func workflowStub() throws -> StubAPI {
      try StubAPI { request, before in
        guard request.line != "POST /workflows" else { return .json(workflow, .accepted) }
        return .json(workflow.replacing("running\"}]", with: "running\",\"progress\":0.\(before % 9 + 1)}]"))
      }
    }

    @Test func `SIGINT ends the command, and the workflow continues`() throws {
      let (stub, folder) = (try Self.workflowStub(), try TemporaryFolder())
      let file = try folder.write("{}", to: "chain.json")
      let end = try interrupt(["workflow", "run", file], at: stub.url) { $0.contains("w1  image  running\n") }
      #expect(end.status == 130, "\(end)")
      #expect(end.output.contains("`replicate-webhookd workflow show w1 --follow` follows it"))
      #expect(end.output.contains("`replicate-webhookd workflow cancel w1` cancels it"))
      #expect(!stub.lines.contains { $0.hasSuffix("cancel") })
      let silent = try SilentListener()
      let early = try interrupt(["workflow", "run", file], at: silent.url) { _ in silent.hasAccepted() }
      #expect(early.status == 130 && early.output.contains("ended before the daemon answered"), "\(early)")
    }

    @Test func `a terminal has one tree of steps that is drawn over`() throws {
      let (stub, folder) = (try Self.workflowStub(), try TemporaryFolder())
      let file = try folder.write("{}", to: "chain.json")
      let over = "\u{1B}[2A\u{1B}[Jw1  running\r\n└─ image"
      let end = try interrupt(["workflow", "run", file], onTerminal: true, at: stub.url) {
        $0.components(separatedBy: over).count > 2
      }
      #expect(end.status == 130 && end.output.hasPrefix("w1  running\r\n└─ image"), "\(end)")
      #expect(end.output.contains("running  10 %\r\n") && end.output.contains("running  20 %\r\n"))
    }

    @Test func aWatchPrintsJobsThatChange() throws {
      let stub = try StubAPI { _, before in
        switch before {
        case 0, 2: .json(#"{"jobs":[{"id":"b","revision":1},{"id":"a","revision":1}]}"#)
        case 1: .problem(.serviceUnavailable, "draining")
        default: .json(#"{"jobs":[{"id":"b","revision":2},{"id":"a","revision":1}]}"#)
        }
      }
      let lines = #"{"id":"a","revision":1}"# + "\n" + #"{"id":"b","revision":1}"# + "\n"
      let end = try interrupt(["jobs", "--watch", "--state", "running"], at: stub.url) {
        $0.count > lines.count
      }
      #expect(end.status == 0 && end.output == lines + #"{"id":"b","revision":2}"# + "\n", "\(end)")
      #expect(Set(stub.lines) == ["GET /jobs?state=running&limit=20"])
    }

    @Test func aWatchRedrawsATerminal() throws {
      let stub = try StubAPI { _, _ in .json(#"{"jobs":[\#(Self.running)]}"#) }
      let page = "\u{1B}[H\u{1B}[2JID  STATE"
      let end = try interrupt(["jobs", "--watch"], onTerminal: true, at: stub.url) {
        $0.components(separatedBy: page).count > 2
      }
      #expect(
        end.status == 0 && end.output.contains("j1  running  -         -       a/b    -      \r\n"), "\(end)")
    }

    /// The command must not outlive a reader that stops early.
    @Test func aWatchEndsWhenItsPipeIsClosed() throws {
      let stub = try StubAPI { _, before in .json(#"{"jobs":[{"id":"a","revision":\#(before)}]}"#) }
      let result = try Program.run(
        ["-c", "\"$0\" jobs --watch --api \(stub.url) | head -n 1", Program.path], executable: "/bin/sh")
      #expect(result.status == 0 && result.output == #"{"id":"a","revision":0}"# + "\n", "\(result)")
    }
  }
}

/// A listener that accepts connections and never answers.
private final class SilentListener {
  private let descriptor: Int32
  let url: String

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) {
        bind(descriptor, $0.baseAddress, length) + listen(descriptor, 8)
          + getsockname(descriptor, $0.baseAddress, &length)
      }
    }
    guard result == 0 else { throw Unusable("nothing can be listened on") }
    self.descriptor = descriptor
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
  }

  deinit {
    close(descriptor)
  }

  /// Accepts a connection within a minute, and never closes it.
  func hasAccepted() -> Bool { accept(descriptor, nil, nil) >= 0 }
}
