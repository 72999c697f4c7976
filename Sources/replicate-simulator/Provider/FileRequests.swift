/// The requests for a file, as they are counted.
struct FileRequests: Equatable, Sendable {
  private(set) var count = 0
  /// Those with credentials, which do not belong here.
  private(set) var tokenCount = 0
  /// The bytes of content in the responses.
  private(set) var byteCount = 0

  mutating func note(hasToken: Bool) {
    count += 1
    if hasToken { tokenCount += 1 }
  }

  mutating func noteSent(_ count: Int) { byteCount += count }

  static func += (left: inout FileRequests, right: FileRequests) {
    left.count += right.count
    left.tokenCount += right.tokenCount
    left.byteCount += right.byteCount
  }
}

/// A file that a request is for, and what the request meets.
struct RequestedFile: Sendable {
  var content: FileContent
  let contentType: String
  let modifiedAt: Instant
  /// The prediction and the file's number in its output; nil for a file without a prediction.
  let origin: (ordinal: Int, index: Int)?
  /// The number of the request, from 0.
  let number: Int
  var faults: Set<FileFault>
  /// The part of the content before a cut.
  var cutPart = 0.5
}

extension Provider {
  /// The most files without a prediction whose requests are counted.
  private static let maxBareFiles = 10_000

  /// Counts a request for a file of an output.
  func requestOutputFile(
    _ key: String, _ name: String, hasToken: Bool
  ) throws(APIProblem) -> RequestedFile {
    let (file, madeAt) = try outputFile(key, name)
    guard let ordinal = entry(ofOutput: key)?.facts.ordinal else { throw .notFound }
    let number = entries[ordinal]?.fileRequests[file.index]?.count ?? 0
    entries[ordinal]?.fileRequests[file.index, default: FileRequests()].note(hasToken: hasToken)
    var requested = RequestedFile(
      content: file.content, contentType: file.contentType, modifiedAt: madeAt,
      origin: (ordinal, file.index), number: number,
      faults: file.spec.faults.faults(ofRequest: number))
    if let failure = settings.faults.fileFailure(of: file.index, ofPrediction: ordinal, request: number) {
      requested.faults.insert(failure.fault)
      requested.cutPart = failure.part
    }
    return requested
  }

  /// Counts a request for a file without a prediction.
  func requestBareFile(_ byteCount: Int, _ name: String, _ faults: FileFaults) -> RequestedFile {
    if bareFileRequests.count > Self.maxBareFiles { bareFileRequests = [:] }
    let number = faults.all.isEmpty ? 0 : bareFileRequests["\(byteCount)/\(name)", default: 0]
    if !faults.all.isEmpty { bareFileRequests["\(byteCount)/\(name)"] = number + 1 }
    return RequestedFile(
      content: .filler(Filler(count: byteCount, seed: name)), contentType: FileKind.data.contentType,
      modifiedAt: startedAt, origin: nil, number: number, faults: faults.faults(ofRequest: number))
  }

  func noteSent(_ count: Int, of origin: (ordinal: Int, index: Int)?) {
    guard let origin else { return }
    entries[origin.ordinal]?.fileRequests[origin.index]?.noteSent(count)
  }
}
