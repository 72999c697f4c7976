internal import Bytes

/// Names one file of one job in the spool.
package struct SpoolKey: Hashable, Sendable, CustomStringConvertible {
  /// The number of the job.
  package let job: Int64
  /// The position of the file in the job's list.
  package let index: Int

  package init(job: Int64, index: Int) {
    self.job = job
    self.index = index
  }

  package var description: String { "\(job).\(index)" }

  /// Parses what ``description`` writes, and nothing else.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let job = Int64(parts[0]), let index = Int(parts[1]), job >= 0, index >= 0 else {
      return nil
    }
    self.init(job: job, index: index)
    guard description == text else { return nil }
  }
}

/// A file in the spool's folder.
struct SpoolEntry: Hashable {
  enum Kind: String, CaseIterable {
    /// Complete, synced and named.
    case finished = ""
    /// As far as it was received.
    case part = ".part"
    /// How the part can be continued: a ``ResumePoint``.
    case resume = ".resume"
  }

  let key: SpoolKey
  let kind: Kind

  var name: String { key.description + kind.rawValue }

  init(_ key: SpoolKey, _ kind: Kind) {
    self.key = key
    self.kind = kind
  }

  /// Nil for the name of a file that is not of the spool.
  init?(name: String) {
    let kind = Kind.allCases.last { name.hasSuffix($0.rawValue) } ?? .finished
    guard let key = SpoolKey(name.dropLast(kind.rawValue.utf8.count)) else { return nil }
    self.init(key, kind)
  }
}

/// The use of the files of one key, as the store of jobs knows it.
package enum SpoolUse: Sendable {
  /// The finished file is needed.
  case finished
  /// The file is still to be fetched: a part may be continued.
  case partial
  case unused
}
