@testable import Downloads
import FileServer
import Foundation
@testable import HTTPClient
import Testing
import Time

/// A spool in a folder of its own, and downloads into it from one server.
final class Scenario {
  let folder: String
  let spool: SpoolFolder
  var limits = DownloadLimits()
  var pinnedAddresses: [String] = []

  /// - Parameter freeBytes: of the file system, in place of the real one's.
  init(minFreeBytes: Int = 0, bootID: String = "boot", freeBytes: (@Sendable () -> Int)? = nil) throws {
    folder = FileManager.default.temporaryDirectory.path + "/downloads-\(UUID().uuidString)"
    spool = try SpoolFolder(folder, minFreeBytes: minFreeBytes, bootID: bootID, freeBytes: freeBytes)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  static let key = SpoolKey(job: 17, index: 0)

  func download(
    _ text: String, from server: FileServer? = nil, as key: SpoolKey = key, into spool: SpoolFolder? = nil,
    isCanceled: @escaping @Sendable () -> Bool = { false }
  ) throws -> DownloadOutcome {
    let rules = SourceRules(apiURL: server?.origin)
    let source = try #require(rules.source(text))
    let client = try BlockingHTTPClient(usesProxy: false)
    client.pinnedAddresses = pinnedAddresses
    let downloader = Downloader(client: client, rules: rules, spool: spool ?? self.spool, limits: limits)
    return downloader.download(source, as: key, now: Timestamp(unixSeconds: 0), isCanceled: isCanceled)
  }

  /// The file that a download has finished.
  func file(
    _ text: String, from server: FileServer? = nil, as key: SpoolKey = key,
    location: SourceLocation = #_sourceLocation
  ) throws -> DownloadedFile {
    let outcome = try download(text, from: server, as: key)
    guard case .finished(let file) = outcome else {
      Issue.record("\(outcome)", sourceLocation: location)
      throw Unfinished()
    }
    return file
  }

  /// The failure of a download.
  func failure(
    _ text: String, from server: FileServer? = nil, as key: SpoolKey = key,
    location: SourceLocation = #_sourceLocation
  ) throws -> DownloadFailure {
    let outcome = try download(text, from: server, as: key)
    guard case .failed(let failure) = outcome else {
      Issue.record("\(outcome)", sourceLocation: location)
      throw Unfinished()
    }
    return failure
  }

  private struct Unfinished: Error {}

  /// The names of all files in the spool.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? [] }

  func content(of name: String = "17.0") throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }
}

/// Bytes that repeat at no short distance.
func sample(_ count: Int) -> [UInt8] {
  var state: UInt32 = 1
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}

/// One sample, as often as needed.
func repeatedSample(mebibytes: Int) -> [UInt8] {
  let sample = sample(1 << 20)
  return (0..<mebibytes).flatMap { _ in sample }
}
