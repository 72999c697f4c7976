internal import BlobStores
internal import KeptFiles
internal import Ledger
internal import StoreSeam
internal import Time

/// The addresses of kept files for the input of another job.
struct ArchiveCopies: KeptCopies {
  let runtime: ArchiveRuntime

  /// A job may wait so long in a queue before its input is fetched.
  static let linkSeconds = 86_400

  func link(
    to url: String, ofJob number: Int64, at now: Timestamp, in transaction: LedgerTransaction
  ) throws(StorageError) -> String? {
    guard let job = try transaction.archivedJob(number) else { return nil }
    for n in 0..<job.files {
      guard let file = try transaction.archivedFile(number, n), file.url == url else { continue }
      guard file.state == .stored else { return nil }
      let head = FileHead.disposition(
        name: file.name ?? "output-\(file.n)", type: file.type ?? "application/octet-stream")
      let link = runtime.link(to: file, disposition: head, for: Self.linkSeconds, method: "GET", at: now)
      // A folder without ARCHIVE_PUBLIC_URL is open to the clients of this API alone.
      guard let link, case .redirect(url: let address) = link else { return nil }
      return address
    }
    return nil
  }
}
