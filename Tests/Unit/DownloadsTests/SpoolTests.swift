@testable import Downloads
import FileServer
import Foundation
import Synchronization
import System
import Testing

/// The spool's folder and its space.
@Suite struct SpoolTests {
  @Test(arguments: ["17.0", "17.0.part", "17.0.resume", "0.999", "9223372036854775807.1.part"])
  func `a name of the spool is recognized`(_ name: String) {
    #expect(SpoolEntry(name: name)?.name == name)
  }

  @Test(arguments: [
    "", ".", "..", "17", "17.", ".0", "17.0.", "17.0.par", "017.0", "17.00", "-1.0", "17.-1", "+1.0",
    "17.0.part.part",
    "17.0.resume.part", "a.0", "17.0 ", "99999999999999999999.0", "jobs.db", "17.0.1", "１.0",
  ])
  func `another name is not the spool's`(_ name: String) {
    #expect(SpoolEntry(name: name) == nil)
  }

  @Test func `a sweep keeps what is needed, and what is not the spool's`() throws {
    let scenario = try Scenario()
    let digest = String(repeating: "a", count: 64)
    for key in ["1.0", "1.1", "2.0", "3.0", "4.0"] {
      for suffix in ["", ".part"] { try scenario.write("x", to: key + suffix) }
      try scenario.write(key == "3.0" ? "broken" : "boot \(digest) \"v1\"\n", to: "\(key).resume")
    }
    for name in ["jobs.db", "5.0.tmp", "1.0.part~"] { try scenario.write("x", to: name) }
    let removed = try scenario.spool.sweep { key in
      switch key.job {
      case 1: .finished
      case 2, 3: .partial
      default: .unused
      }
    }
    #expect(scenario.names == ["1.0", "1.0.part~", "1.1", "2.0.part", "2.0.resume", "5.0.tmp", "jobs.db"])
    #expect(removed == 11)
    #expect(try scenario.spool.sweep { _ in .unused } == 4)
    #expect(scenario.names == ["1.0.part~", "5.0.tmp", "jobs.db"])
  }

  @Test func `the files of a key are removed together`() throws {
    let scenario = try Scenario()
    for name in ["1.0", "1.0.part", "1.0.resume", "1.1"] { try scenario.write("xyz", to: name) }
    #expect(try scenario.spool.usedBytes() == 12)
    try scenario.spool.remove(SpoolKey(job: 1, index: 0))
    #expect(scenario.names == ["1.1"])
    try scenario.spool.remove(SpoolKey(job: 1, index: 0))
    #expect(scenario.spool.size(of: SpoolKey(job: 1, index: 0)) == nil)
    #expect(try scenario.spool.usedBytes() == 3)
    #expect(scenario.spool.freeBytes > 0)
  }

  @Test func `a folder that cannot be made is an error with its path`() throws {
    #expect(throws: SystemError(call: "mkdir /proc/none", number: ENOENT)) {
      try SpoolFolder("/proc/none")
    }
    #expect(throws: SystemError(call: "open /dev/null", number: ENOTDIR)) { try SpoolFolder("/dev/null") }
  }

  @Test func `a link in place of a part is not followed`() throws {
    let scenario = try Scenario()
    try scenario.write("precious", to: "other")
    try FileManager.default.createSymbolicLink(
      atPath: "\(scenario.folder)/17.0.part", withDestinationPath: "\(scenario.folder)/other")
    #expect(try scenario.failure("data:,x").code == .storeUnreachable)
    #expect(try scenario.content(of: "other") == Array("precious".utf8))
    // The link is gone with the failure.
    #expect(try scenario.file("data:,x").size == 1)
  }
}
