internal import BlobStores
internal import KeptFiles
internal import Ledger
internal import StoreSeam
internal import System
internal import Time

/// The addresses of kept files for the input of another job.
struct ArchiveCopies: KeptCopies {
  let runtime: ArchiveRuntime
  /// Where the next URL of an output is likely to be.
  private let next = Lock<(job: Int64, n: Int64)>((0, 0))

  init(runtime: ArchiveRuntime) { self.runtime = runtime }

  /// A job may wait so long in a queue before its input is fetched.
  static let linkSeconds = 86_400

  func link(
    to url: String, ofJob number: Int64, at now: Timestamp, in transaction: LedgerTransaction
  ) throws(StorageError) -> String? {
    guard let job = try transaction.archivedJob(number) else { return nil }
    let start = next.withLock { $0.job == number ? $0.n : 0 }
    guard let file = try transaction.archivedFile(of: url, in: job, from: start) else { return nil }
    next.withLock { $0 = (number, file.n + 1) }
    guard file.state == .stored else { return nil }
    let head = FileHead.disposition(
      name: file.name ?? "output-\(file.n)", type: file.type ?? "application/octet-stream")
    let link = runtime.link(to: file, disposition: head, for: Self.linkSeconds, method: "GET", at: now)
    // A folder without ARCHIVE_PUBLIC_URL is open to the clients of this API alone.
    guard let link, case .redirect(url: let address) = link else { return nil }
    return address
  }
}
