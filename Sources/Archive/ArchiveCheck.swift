internal import BlobStores
internal import Glibc
internal import S3

/// What others than the service learn of the place where files are kept.
extension ArchiveSettings {
  /// The origins to which reads of stored files are redirected, as sources of a Content-Security-Policy.
  var redirectSources: [String] {
    if let publicURL { return [publicURL.origin] }
    return if case .bucket(let bucket, _)? = place { [bucket.origin] } else { [] }
  }

  /// Tries the place: a line for the command `check`. Nil where nothing is kept.
  ///
  /// A folder that is missing stays so: `check` may be run by another user than the daemon.
  func check() -> String? {
    let name: String
    let store: any BlobStore
    switch place {
    case nil: return nil
    case .folder(let path):
      name = "file:\(path)"
      guard access("\(path)/\(FolderStore.partialFolder)", F_OK) == 0 || errno != ENOENT else {
        return "files      \(name) does not exist yet: `serve` creates it"
      }
      store = FolderStore(path, node: "check", publicURL: publicURL)
    case .bucket(let bucket, let credentials):
      name = "s3://\(bucket.name)/\(bucket.prefix) at \(bucket.origin), region \(bucket.region),"
      store = BucketStore(bucket, credentials, publicURL: publicURL) { ArchiveRuntime.now }
    }
    do throws(BlobFailure) {
      try store.probe()
      return "files      \(name) takes files"
    } catch {
      return "warning    ARCHIVE: \(name) takes no files (\(error.code.rawValue)): \(error.message)"
    }
  }
}
