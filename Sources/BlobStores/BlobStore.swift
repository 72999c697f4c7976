package import Time

/// A place where files are kept: a folder or a bucket.
///
/// Its calls block, so they belong on a thread of their own. Each of them may be repeated, also after a crash
/// in the midst of it: the same bytes are written to the same place.
///
/// One key must not be stored and removed at the same time. A file that is found there counts as stored, and
/// would then be gone.
package protocol BlobStore: Sendable {
  /// Stores a file, unless the store has it.
  ///
  /// The file stays in the spool: it may go when a row says that it is stored.
  ///
  /// - Parameter isCanceled: polled during the call; true ends it.
  func store(_ file: SpooledFile, isCanceled: @escaping () -> Bool) -> BlobOutcome

  /// Writes a small document, or replaces it.
  func write(_ document: [UInt8], to key: BlobKey, isCanceled: @escaping () -> Bool) throws(BlobFailure)

  /// Removes a file or a document. One that is absent is no failure.
  func remove(_ key: BlobKey, isCanceled: @escaping () -> Bool) throws(BlobFailure)

  /// Whether the store has a file of that length.
  func contains(_ key: BlobKey, size: Int, isCanceled: @escaping () -> Bool) throws(BlobFailure) -> Bool

  /// Writes, reads, compares and removes an object of its own, as a check of the settings.
  func probe() throws(BlobFailure)

  /// Where a reader finds a stored file.
  ///
  /// - Parameters:
  ///   - seconds: how long a link of a bucket is valid, from 1 to 604,800.
  ///   - method: GET or HEAD. A link of a bucket is valid for that one alone.
  /// - Returns: Nil if it cannot be signed.
  func link(
    to key: BlobKey, as head: BlobHead, for seconds: Int, method: String, at now: Timestamp
  ) -> BlobLink?

  /// The address of a stored file without a signature. Nil where none was configured.
  func publicURL(of key: BlobKey) -> String?
}

extension BlobStore {
  /// Where a reader finds a stored file with GET.
  package func link(
    to key: BlobKey, as head: BlobHead, for seconds: Int, at now: Timestamp
  ) -> BlobLink? {
    link(to: key, as: head, for: seconds, method: "GET", at: now)
  }
}

/// The name of an object in a store.
package enum BlobKey: Hashable, Sendable {
  /// Files by their content, so that equal bytes are stored once. The digest is in hexadecimal.
  case content(sha256: String)
  /// The list of a job's files.
  case manifest(job: String)

  /// Below the store's folder or prefix.
  package var path: String { "\(folder)/\(name)" }

  var folder: String {
    switch self {
    case .content(let sha256): "sha256/\(sha256.prefix(2))"
    case .manifest: "jobs"
    }
  }

  var name: String {
    switch self {
    case .content(let sha256): sha256
    // An id of a job has letters, digits, hyphens and underscores alone.
    case .manifest(let job): "\(job).json"
    }
  }
}

/// A whole file in the spool, whose content is on the disk.
package struct SpooledFile: Equatable, Sendable {
  package let path: String
  /// In hexadecimal.
  package let sha256: String
  /// In bytes.
  package let size: Int
  /// The media type, which a bucket keeps with the object.
  package let type: String

  package init(path: String, sha256: String, size: Int, type: String) {
    self.path = path
    self.sha256 = sha256
    self.size = size
    self.type = type
  }

  package var key: BlobKey { .content(sha256: sha256) }
}

/// The result of storing a file.
package enum BlobOutcome: Equatable, Sendable {
  /// The store has the file, also after a power cut.
  case stored
  /// Its bytes in the spool have another digest or size: it must be fetched again.
  case damaged
  /// The spool has no such file.
  case missing
  case failed(BlobFailure)
}

/// The header fields that a reader receives with a file.
package struct BlobHead: Equatable, Sendable {
  /// The value of `Content-Type`.
  package let type: String
  /// The value of `Content-Disposition`.
  package let disposition: String

  package init(type: String, disposition: String) {
    self.type = type
    self.disposition = disposition
  }
}

/// Where a reader finds a file.
package enum BlobLink: Equatable, Sendable {
  /// On this machine, to be served by this program.
  case file(path: String)
  /// At a URL that needs no credentials.
  case redirect(url: String)
}
