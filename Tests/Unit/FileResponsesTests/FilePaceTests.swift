@testable import FileResponses
import Foundation
import HTTPServer
import LiveDaemon
import Synchronization
import System
import Testing
@testable import Time

/// Slow readers and slow disks.
@Suite struct FilePaceTests {
  private static let request = Array("GET /files/big HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
  private static let block = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 4) }

  private static func makeBigFile(of megabytes: Int, at url: URL) throws {
    _ = FileManager.default.createFile(atPath: url.path, contents: nil)
    let file = try FileHandle(forWritingTo: url)
    for _ in 0..<megabytes { file.write(Data(block)) }
    try file.close()
  }

  /// More bytes in memory than the limit would evict a connection.
  @Test func `many large files pass in bounded memory`() throws {
    var limits = ServerLimits()
    limits.maxBytesInFlight = 4 * 1024 * 1024
    limits.minEvictionAge = .zero
    let server = try FileRoutes(limits)
    try Self.makeBigFile(of: 64, at: server.folder.url.appendingPathComponent("big"))
    // They read nothing at first, so that each response holds what it may.
    let connections = try (0..<16).map { _ in try server.connect(receiveBuffer: 4096) }
    for connection in connections { try connection.send(Self.request) }
    try wait("16 responses") { server.openStreams == 16 }
    let answer = try server.answer("/files/big")
    #expect(answer.status == 200 && answer.body.count == 64 << 20)
    #expect(answer.body.suffix(1 << 20) == Self.block[...])
    #expect(server.openStreams == 16)
    withExtendedLifetime(connections) {}
  }

  @Test func `a reader below the minimum rate is closed`() throws {
    var limits = ServerLimits()
    limits.minWriteRate = MinimumTransferRate(grace: .milliseconds(200), bytesPerSecond: 1 << 30)
    let server = try FileRoutes(limits)
    try Self.makeBigFile(of: 64, at: server.folder.url.appendingPathComponent("big"))
    let connection = try server.connect(receiveBuffer: 4096)
    try connection.send(Self.request)
    try wait("the response") { server.openStreams == 1 }
    try wait("the end of the response") { server.openStreams == 0 }
    #expect(connection.receiveAll().count < 64 << 20)
    server.stop()
  }

  @Test func `a disk that does not answer delays no other request`() throws {
    let disk = StuckDisk()
    let server = try FileRoutes(calls: disk)
    try server.write(Array("abc".utf8), to: "big")
    let connection = try server.connect()
    try connection.send(Self.request)
    try wait("the read") { disk.reads.load(ordering: .relaxed) == 1 }
    #expect(try server.answer("/ping").status == 200)
    #expect(server.openStreams == 1)
    disk.release()
    let (status, body) = try connection.receiveStatusAndBody()
    #expect(status == 200 && body == Array("abc".utf8))
    server.stop()
  }

  @Test(arguments: [true, false])
  func `a file that ends early, or cannot be read, cuts the response`(_ fails: Bool) throws {
    let server = try FileRoutes(calls: BrokenDisk(fails: fails))
    try Self.makeBigFile(of: 1, at: server.folder.url.appendingPathComponent("big"))
    let connection = try server.connect()
    try connection.send(Self.request)
    let received = connection.receiveAll()
    #expect(String(decoding: received.prefix(15), as: UTF8.self) == "HTTP/1.1 200 OK")
    #expect(received.count < 1 << 20)
    #expect(try server.answer("/ping").status == 200)
    server.stop()
  }

  @Test func `a response goes on after its file was removed`() throws {
    let server = try FileRoutes()
    let url = server.folder.url.appendingPathComponent("big")
    try Self.makeBigFile(of: 32, at: url)
    let connection = try server.connect(receiveBuffer: 4096)
    try connection.send(Self.request)
    try wait("the response") { server.openStreams == 1 }
    try FileManager.default.removeItem(at: url)
    let (status, body) = try connection.receiveStatusAndBody()
    #expect(status == 200 && body.count == 32 << 20)
    #expect(try server.answer("/files/big").status == 404)
    server.stop()
  }
}

/// Reads wait until they are released.
private final class StuckDisk: FileCalls {
  let reads = Atomic(0)
  private let isReleased = DispatchSemaphore(value: 0)

  func release() { isReleased.signal() }

  func open(_ path: String) throws(SystemError) -> OpenedFile { try LinuxFiles().open(path) }

  func read(_ file: OpenedFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    reads.add(1, ordering: .relaxed)
    isReleased.wait()
    return try LinuxFiles().read(file, at: offset, count: count)
  }
}

/// Reads half of a file.
private struct BrokenDisk: FileCalls {
  let fails: Bool

  func open(_ path: String) throws(SystemError) -> OpenedFile { try LinuxFiles().open(path) }

  func read(_ file: OpenedFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    guard offset < file.size / 2 else {
      if fails { throw SystemError(call: "pread", number: EIO) }
      return []
    }
    return try LinuxFiles().read(file, at: offset, count: count)
  }
}
