import Downloads
import Testing
import Time

@testable import KeptFiles

/// When a file is tried again.
@Suite struct FetchScheduleTests {
  private let now = Timestamp(milliseconds: 100_000_000)

  private func next(
    _ code: DownloadFailure.Code, tries: Int64 = 1, expiresIn milliseconds: Int64, retryAfter: Duration? = nil
  ) -> FetchSchedule.Next {
    FetchSchedule.next(
      after: DownloadFailure(code, "", retryAfter: retryAfter), tries: tries,
      expiry: now.advanced(byMilliseconds: milliseconds), at: now, jitter: 0.5)
  }

  private func later(_ milliseconds: Int64) -> FetchSchedule.Next {
    .retry(at: now.advanced(byMilliseconds: milliseconds))
  }

  @Test func `a source keeps a file for an hour after the end`() {
    #expect(FetchSchedule.expiry(completed: now, received: now) == now.advanced(byMilliseconds: 3_600_000))
    #expect(FetchSchedule.expiry(completed: nil, received: now) == now.advanced(byMilliseconds: 3_300_000))
    // A provider's clock that is ahead gives no more time.
    let ahead = now.advanced(byMilliseconds: 600_000)
    #expect(FetchSchedule.expiry(completed: ahead, received: now) == now.advanced(byMilliseconds: 3_600_000))
  }

  @Test(
    arguments: [(1, 1000), (2, 2000), (3, 4000), (9, 256_000), (10, 300_000), (60, 300_000)]
      as [(Int64, Int64)])
  func `pauses double up to five minutes`(_ tries: Int64, _ pause: Int64) {
    #expect(FetchSchedule.pause(afterTry: tries, retryAfter: nil, jitter: 0.5) == pause)
    #expect(FetchSchedule.pause(afterTry: tries, retryAfter: nil, jitter: 0) == pause * 4 / 5)
    #expect(FetchSchedule.pause(afterTry: tries, retryAfter: nil, jitter: 1) == pause * 6 / 5)
  }

  @Test func `the source's pause is kept`() {
    #expect(next(.sourceBusy, expiresIn: 3_600_000, retryAfter: .seconds(30)) == later(30_000))
  }

  @Test func `a file that is not found is tried until the expiry, then it has expired`() {
    #expect(next(.notFound, expiresIn: 1) == later(1000))
    #expect(next(.notFound, expiresIn: 0) == .failed(.expired))
    #expect(next(.denied, expiresIn: 0) == .failed(.denied))
  }

  @Test func `a source that is busy is tried until ten minutes after the expiry`() {
    #expect(next(.sourceBusy, tries: 20, expiresIn: -599_999) == later(1))
    #expect(next(.sourceBusy, tries: 20, expiresIn: -600_000) == .failed(.sourceBusy))
  }

  @Test(arguments: [DownloadFailure.Code.refused, .mismatch])
  func `some failures are final after three tries`(_ code: DownloadFailure.Code) {
    #expect(next(code, tries: 2, expiresIn: 3_600_000) == later(2000))
    #expect(next(code, tries: 3, expiresIn: 3_600_000) == .failed(ArchiveCode(code)))
  }

  @Test(arguments: [DownloadFailure.Code.redirectRefused, .addressRefused, .tooLarge, .badDataURI])
  func `some failures are final`(_ code: DownloadFailure.Code) {
    #expect(next(code, expiresIn: 3_600_000) == .failed(ArchiveCode(code)))
  }

  @Test func `a full spool is tried every few seconds, also after the expiry`() {
    #expect(next(.storeFull, tries: 9, expiresIn: -1_000_000) == later(15_000))
  }

  @Test func `every code of a download has its own name in documents`() {
    for code in DownloadFailure.Code.allCases { #expect(ArchiveCode(rawValue: code.rawValue) != nil) }
  }
}
