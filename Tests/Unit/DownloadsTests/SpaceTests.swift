@testable import Downloads
import FileServer
import Foundation
import Synchronization
import System
import Testing

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
