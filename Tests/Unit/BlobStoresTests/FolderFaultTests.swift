import Foundation
import Testing

@testable import BlobStores

/// A folder whose every call fails, or ends the process, or loses power.
@Suite struct FolderFaultTests {
  private static let content = Spool.bytes(1000)
  private static let file = SpooledFile(
    path: "/spool/7.0", sha256: Spool.digest(content), size: content.count, type: "image/png")
  private static let target = "/files/\(file.key.path)"

  private static func files(linkError: Int32?) -> MemoryFiles {
    let files = MemoryFiles(linkError: linkError)
    files.put(content, at: file.path)
    return files
  }

  private static func attempt(_ files: MemoryFiles) -> BlobOutcome? {
    let store = FolderStore("/files", node: "one", calls: files)
    do { try store.prepare() } catch { return nil }
    return store.store(file, isCanceled: never)
  }

  /// Runs a start and a store once for each of their calls, with a fault at it.
  private static func atEachCall(
    linkError: Int32?, namesOutliveContent: Bool = false, _ fault: MemoryFiles.Fault,
    _ check: (MemoryFiles, BlobOutcome?) -> Void
  ) {
    var count = 0
    repeat {
      let files = files(linkError: linkError)
      files.start((count, fault), namesOutliveContent: namesOutliveContent)
      let outcome = attempt(files)
      guard files.calls.count > count else {
        #expect(outcome == .stored)
        break
      }
      check(files, outcome)
      count += 1
    } while count < 100
    #expect(count > 15)
  }

  @Test(arguments: [nil, EXDEV], MemoryFiles.Fault.allCases)
  func `an attempt that ends at any call is repeated, and leaves nothing behind`(
    _ linkError: Int32?, _ fault: MemoryFiles.Fault
  ) {
    Self.atEachCall(linkError: linkError, fault) { files, outcome in
      #expect(outcome == nil || outcome == .stored || files.calls.count > 0)
      // Under its name there is all of the file, or nothing.
      let seen = files.content(of: Self.target)
      #expect(seen == nil || seen == Self.content)
      #expect(files.content(of: Self.file.path) == Self.content)
      if outcome == .stored { #expect(seen == Self.content) }
      files.start()
      #expect(Self.attempt(files) == .stored)
      #expect(files.paths(below: "/files") == [Self.target])
      #expect(files.content(of: Self.target) == Self.content)
    }
  }

  @Test(arguments: [nil, EXDEV], [false, true])
  func `a power cut at any call leaves a whole file or none`(
    _ linkError: Int32?, _ namesOutliveContent: Bool
  ) {
    for fault in [MemoryFiles.Fault.killBefore, .killAfter] {
      Self.atEachCall(linkError: linkError, namesOutliveContent: namesOutliveContent, fault) { files, _ in
        files.losePower()
        let seen = files.content(of: Self.target)
        #expect(seen == nil || seen == Self.content)
        #expect(files.content(of: Self.file.path) == Self.content)
        files.start()
        #expect(Self.attempt(files) == .stored)
        #expect(files.paths(below: "/files") == [Self.target])
        files.losePower()
        #expect(files.content(of: Self.target) == Self.content)
      }
    }
  }

  @Test(arguments: [nil, EXDEV])
  func `a stored file outlives a power cut, and the spool`(_ linkError: Int32?) throws {
    let files = Self.files(linkError: linkError)
    #expect(Self.attempt(files) == .stored)
    _ = try files.remove(Self.file.path)
    files.losePower()
    #expect(files.content(of: Self.target) == Self.content)
  }

  /// The attempt before has ended between the rename and the flush, and the process, not the machine, died.
  @Test func `a file that was there before is flushed, too`() throws {
    let files = Self.files(linkError: nil)
    files.start()
    #expect(Self.attempt(files) == .stored)
    let rename = try #require(files.calls.firstIndex { $0.hasPrefix("rename") })
    let again = Self.files(linkError: nil)
    again.start((rename, .killAfter))
    #expect(Self.attempt(again) != .stored)
    again.start()
    #expect(Self.attempt(again) == .stored)
    again.losePower()
    #expect(again.content(of: Self.target) == Self.content)
  }

  @Test func `a removed file stays away after a power cut`() throws {
    let files = Self.files(linkError: nil)
    #expect(Self.attempt(files) == .stored)
    let store = FolderStore("/files", node: "one", calls: files)
    try store.remove(Self.file.key, isCanceled: never)
    files.losePower()
    #expect(files.content(of: Self.target) == nil)
  }

  @Test(arguments: [
    (ENOSPC, BlobFailure.Code.full), (EDQUOT, .full), (EACCES, .denied), (EROFS, .denied),
    (EIO, .unreachable), (ESTALE, .unreachable), (EFBIG, .tooLarge),
  ])
  func `an error of the file system decides between a retry and a pause`(
    _ number: Int32, _ code: BlobFailure.Code
  ) throws {
    let files = Self.files(linkError: number)
    guard case .failed(let failure) = Self.attempt(files) else {
      Issue.record("stored")
      return
    }
    #expect(failure.code == code)
    #expect(files.paths(below: "/files") == [])
  }

  /// Its mount point is empty then, and what is written there would lie below the file system's root later.
  @Test func `nothing is written where the file system is not mounted any more`() throws {
    let files = Self.files(linkError: nil)
    let store = FolderStore("/files", node: "one", calls: files)
    try store.prepare()
    let empty = Self.files(linkError: nil)
    empty.put([], at: "/files/other")
    let away = FolderStore("/files", node: "one", calls: empty)
    guard case .failed(let failure) = away.store(Self.file, isCanceled: never) else {
      Issue.record("stored")
      return
    }
    #expect(failure.code == .unreachable)
    #expect(empty.paths(below: "/files") == ["/files/other"])
  }
}
