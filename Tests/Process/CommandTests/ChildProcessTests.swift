import Foundation
import LiveDaemon
import Testing

/// The processes that tests start.
@Suite struct ChildProcessTests {
  @Test func onlyTheStandardDescriptorsArePassedOn() throws {
    let open = (0..<2000).map { _ in dup(2) }
    defer { for descriptor in open { close(descriptor) } }
    let result = try Program.run(["-c", "ls /proc/$$/fd"], executable: "/bin/sh")
    #expect(result.status == 0 && result.output == "0\n1\n2\n")
  }

  @Test(arguments: [
    ("exit 7", ChildProcess.TerminationReason.exit, Int32(7)), ("kill -9 $$", .uncaughtSignal, 9),
  ])
  func theEndIsKnown(
    _ script: String, _ reason: ChildProcess.TerminationReason, _ status: Int32
  ) throws {
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    try process.run()
    process.waitUntilExit()
    #expect(!process.isRunning && process.terminationReason == reason)
    #expect(process.terminationStatus == status)
  }

  @Test func aMissingProgramIsAnError() {
    #expect(throws: (any Error).self) { try Program.run([], executable: "/nowhere/program") }
  }
}
