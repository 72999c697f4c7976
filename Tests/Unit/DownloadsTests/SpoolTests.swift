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

/// Space that must stay free.
@Suite struct SpaceTests {
  @Test func `a file that would not leave enough space is not received`() throws {
    let body = sample(1000)
    let server = try FileServer { _, _ in .init(200, ["ETag: \"a\""], body) }
    for (free, fits) in [(1500, true), (1499, false)] {
      let scenario = try Scenario(minFreeBytes: 500) { free }
      if fits {
        #expect(try scenario.file(server.url("/a"), from: server).size == 1000)
      } else {
        let failure = try scenario.failure(server.url("/a"), from: server)
        #expect(failure.code == .storeFull && failure.code.finality == .never)
        #expect(scenario.names == [])
      }
    }
    let scenario = try Scenario(minFreeBytes: 500) { 503 }
    #expect(try scenario.file("data:,abc").size == 3)
    #expect(try scenario.failure("data:,abcd").code == .storeFull)
  }

  /// Each of them fits alone.
  @Test func `downloads in flight count`() throws {
    let (first, second) = (SpoolKey(job: 1, index: 0), SpoolKey(job: 2, index: 0))
    let space = SpoolSpace(minFreeBytes: 100) { 1000 }
    #expect(space.reserve(600, for: first))
    #expect(!space.reserve(600, for: second))
    #expect(space.reserve(300, for: second))
    #expect(!space.reserve(601, for: first))
    #expect(space.reserve(600, for: first))
    space.release(second)
    #expect(space.reserve(900, for: first))
    space.release(first)
    #expect(space.reserve(900, for: second))
  }

  @Test func `the reservation of a download ends with it`() throws {
    let server = try FileServer { _, number in
      number == 0 ? .init(200, [], sample(10), length: 1000) : .init(200, [], sample(1000))
    }
    let scenario = try Scenario(minFreeBytes: 0) { 1000 }
    #expect(try scenario.failure(server.url("/a"), from: server).code == .sourceBusy)
    #expect(try scenario.file(server.url("/a"), from: server, as: SpoolKey(job: 1, index: 1)).size == 1000)
  }

  @Test func `content without a length is stopped when space runs out`() throws {
    let body = repeatedSample(mebibytes: 20)
    let server = try FileServer { _, _ in .init(200, ["ETag: \"a\""], chunks: body, size: 1 << 20) }
    let measured = Mutex(0)
    let scenario = try Scenario(minFreeBytes: 1 << 20) {
      measured.withLock { $0 += 1 }
      // Another user of the disk takes all while the second step is received.
      return measured.withLock { $0 } < 3 ? 100 << 20 : 9 << 20 - 1
    }
    #expect(try scenario.failure(server.url("/a"), from: server).code == .storeFull)
    #expect(scenario.names == [])
    #expect(measured.withLock { $0 } == 3)
  }

  /// A device that has no space for any byte, as root makes it.
  @Test(.enabled(if: getuid() == 0, "needs root"))
  func `a full disk loses nothing but the part`() throws {
    let server = try FileServer { _, _ in .init(200, ["ETag: \"a\""], sample(1000)) }
    let scenario = try Scenario()
    try scenario.write("kept", to: "1.0")
    for text in [server.url("/a"), "data:,x"] {
      #expect(mknod("\(scenario.folder)/17.0.part", S_IFCHR | 0o600, 0x0107) == 0)
      let failure = try scenario.failure(text, from: server)
      #expect(failure.code == .storeFull)
      #expect(failure.message == "the spool: write: No space left on device")
      #expect(scenario.names == ["1.0"])
    }
    #expect(try scenario.content(of: "1.0") == Array("kept".utf8))
    #expect(try scenario.file(server.url("/a"), from: server).size == 1000)
  }

  @Test(arguments: [
    (ENOSPC, DownloadFailure.Code.storeFull), (EDQUOT, .storeFull), (EFBIG, .storeFull),
    (EACCES, .storeDenied),
    (EROFS, .storeDenied), (EPERM, .storeDenied), (EIO, .storeUnreachable), (ELOOP, .storeUnreachable),
  ])
  func `an error of the spool has a code`(_ number: Int32, _ code: DownloadFailure.Code) {
    #expect(DownloadFailure(spool: SystemError(call: "write", number: number)).code == code)
  }

  @Test func `a file of many steps is whole`() throws {
    let body = repeatedSample(mebibytes: 20)
    let server = try FileServer { _, _ in .init(200, [], body) }
    let scenario = try Scenario()
    #expect(try scenario.file(server.url("/a"), from: server).size == body.count)
    #expect(try scenario.content() == body)
  }
}

/// Files within outputs.
@Suite struct DataFileTests {
  @Test(arguments: [
    ("data:image/png;base64,aGk=", "hi", "image/png", "output-0.png"),
    ("data:,a%00b", "a\0b", "text/plain; charset=us-ascii", "output-0.txt"),
    ("data:application/x-own,x", "x", "application/x-own", "output-0"),
  ])
  func `a URI becomes a file`(_ text: String, _ content: String, _ type: String, _ name: String) throws {
    let scenario = try Scenario()
    let file = try scenario.file(text)
    #expect(file.type.description == type && file.name == name && file.size == content.utf8.count)
    #expect(try scenario.content() == Array(content.utf8))
    #expect(scenario.names == ["17.0"])
  }

  @Test func `6 MiB are no problem`() throws {
    let scenario = try Scenario()
    let zeros = String(repeating: "AAAA", count: 2 << 20)
    let file = try scenario.file("data:application/octet-stream;base64,\(zeros)")
    #expect(file.size == 6 << 20)
    // head -c 6291456 /dev/zero | sha256sum
    #expect(file.sha256 == "b69dae56a14d1a8314ed40664c4033ea0a550eea2673e04df42a66ac6b9faf2c")
  }

  @Test func `a broken or too large one is final`() throws {
    let scenario = try Scenario()
    let broken = try scenario.failure("data:image/png;base64,a")
    #expect(broken.code == .badDataURI && broken.code.finality == .always)
    scenario.limits.maxBytes = 2
    #expect(try scenario.failure("data:,abc").code == .tooLarge)
    #expect(scenario.names == [])
  }
}
