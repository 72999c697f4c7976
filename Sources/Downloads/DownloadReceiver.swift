internal import Bytes
internal import Glibc
internal import HTTPClient
internal import System

/// Writes the content of a response to a part in the spool.
final class DownloadReceiver: ContentSink {
  static let wantedFields = [
    "Content-Type", "Content-Length", "Content-Range", "Content-Encoding", "Location", SourceChecksum.field,
    SourceChecksum.storedCodingField,
  ]
  /// Free space is checked, and writing to the disk is started, each time so many bytes have come.
  private static let stepBytes = 8 << 20

  private let source: SourceURL
  private let key: SpoolKey
  private let spool: SpoolFolder
  private let maxBytes: Int
  private var part: PartFile
  /// The version of the part, nil if it cannot be continued.
  private var entityTag: String?
  /// Whether the spool knows how the part can be continued.
  private var isRecorded = false
  private var digests = ContentDigests(comparing: nil)
  /// The size of the whole file; nil if the source did not announce it.
  private var expectedSize: Int?
  private var stepStart = 0
  /// Of the last request.
  private(set) var response: HTTPClientResponse?
  private(set) var interruption: Interruption?
  private(set) var isMismatchedRange = false

  init(_ source: SourceURL, as key: SpoolKey, spool: SpoolFolder, maxBytes: Int) throws(SystemError) {
    self.source = source
    self.key = key
    self.spool = spool
    self.maxBytes = maxBytes
    part = try spool.openPart(key)
    if part.size > 0, let point = spool.resumePoint(of: key), point.isOf(source) {
      entityTag = point.entityTag
      isRecorded = true
    }
  }

  /// Whether the next try may continue the part.
  var isResumable: Bool { entityTag != nil && part.size > 0 }

  /// The fields of a request that continues the part. Empty for one from the start.
  var rangeFields: [String] {
    guard let entityTag, part.size > 0 else { return [] }
    return ["Range: bytes=\(part.size)-", "If-Range: \(entityTag)"]
  }

  /// Makes the next request one from the start.
  func forgetPart() { entityTag = nil }

  /// Records how the next try may continue the part, if it may.
  ///
  /// Not before there is much to lose: most files are small, and need no record.
  func recordPart() {
    guard !isRecorded, part.size > 0, let entityTag else { return }
    spool.record(ResumePoint(source: source, entityTag: entityTag), of: key)
    isRecorded = true
  }

  func begin(_ response: HTTPClientResponse) -> Bool {
    self.response = response
    isMismatchedRange = false
    do throws(Interruption) {
      switch response.status {
      case 200:
        try checkCoding(of: response)
        try start(response)
      case 206:
        try checkCoding(of: response)
        guard try resume(response) else { return false }
      // The content of others is of no use.
      default: return false
      }
      return true
    } catch {
      interruption = error
      return false
    }
  }

  func take(_ bytes: Span<UInt8>) -> Bool {
    do throws(Interruption) {
      guard bytes.count <= maxBytes - part.size else { throw Interruption.tooLarge(maxBytes) }
      do throws(SystemError) { try part.append(bytes) } catch { throw Interruption(error) }
      digests.update(bytes)
      if part.size - stepStart >= Self.stepBytes {
        part.startWriteback(from: stepStart)
        stepStart = part.size
        recordPart()
        try reserve()
      }
      return true
    } catch {
      interruption = error
      return false
    }
  }

  /// Compares the content with its announcement, syncs and names it.
  func finish(name: (MediaType) -> String) throws(Interruption) -> DownloadedFile {
    guard expectedSize.map({ $0 == part.size }) ?? true else {
      throw Interruption(.sourceBusy, "\(source.authority): the content has another length than announced")
    }
    guard let sha256 = digests.finish() else {
      entityTag = nil
      throw Interruption(.mismatch, "the content does not have the checksum that \(source.authority) sent")
    }
    do throws(SystemError) {
      let start = try part.start(maxBytes: MediaSignature.maxBytes)
      let declared = response?.fields["Content-Type"]?.first
      // The name is judged by the type, and the type by the name's extension.
      let type = MediaType.of(declared: declared, start: start.span, name: name(.unknown))
      try part.sync()
      try spool.finish(key)
      return DownloadedFile(key: key, size: part.size, sha256: sha256, type: type, name: name(type))
    } catch {
      throw Interruption(error)
    }
  }
}

extension DownloadReceiver {
  /// A coding that was not requested would be kept as if it were the file.
  private func checkCoding(of response: HTTPClientResponse) throws(Interruption) {
    guard let coding = response.fields["Content-Encoding"]?.first, !coding.isEmpty,
      coding.lowercased() != "identity"
    else { return }
    throw Interruption(.mismatch, "\(source.authority) sent a Content-Encoding that was not requested")
  }

  private func start(_ response: HTTPClientResponse) throws(Interruption) {
    do throws(SystemError) { try part.truncate() } catch { throw Interruption(error) }
    entityTag = EntityTag.strong(response.entityTag)
    spool.record(nil, of: key)
    isRecorded = false
    digests = ContentDigests(comparing: checksum(of: response))
    expectedSize = response.fields["Content-Length"]?.first.flatMap(ContentRange.number)
    try prepare()
  }

  /// - Returns: Whether the response continues the part.
  private func resume(_ response: HTTPClientResponse) throws(Interruption) -> Bool {
    let range = response.fields["Content-Range"]?.first.flatMap(ContentRange.init)
    let length = response.fields["Content-Length"]?.first.flatMap(ContentRange.number)
    guard let entityTag, part.size > 0, let range, range.continues(at: part.size),
      length.map({ $0 == range.total - range.first }) ?? true,
      response.entityTag.map({ $0 == entityTag }) ?? true
    else {
      isMismatchedRange = true
      return false
    }
    digests = ContentDigests(comparing: checksum(of: response))
    do throws(SystemError) { try part.read { digests.update($0) } } catch { throw Interruption(error) }
    expectedSize = range.total
    try prepare()
    return true
  }

  private func prepare() throws(Interruption) {
    if let expectedSize, expectedSize > maxBytes { throw Interruption.tooLarge(maxBytes) }
    stepStart = part.size
    try reserve()
  }

  /// Reserves space for the rest, or for the next step if its length is unknown.
  private func reserve() throws(Interruption) {
    let rest = expectedSize.map { max(0, $0 - part.size) } ?? Self.stepBytes
    guard spool.reserve(rest, for: key) else { throw Interruption.full }
  }

  private func checksum(of response: HTTPClientResponse) -> SourceChecksum? {
    SourceChecksum(
      values: response.fields[SourceChecksum.field] ?? [],
      storedCoding: response.fields[SourceChecksum.storedCodingField]?.first)
  }
}

extension Interruption {
  static func tooLarge(_ maxBytes: Int) -> Interruption {
    Interruption(.tooLarge, "the file is larger than \(maxBytes) bytes")
  }

  static var full: Interruption {
    Interruption(.storeFull, "the spool's file system has too little free space")
  }
}

extension DownloadFailure {
  /// A failure of the spool.
  init(spool error: SystemError) {
    let code: Code =
      switch error.number {
      case ENOSPC, EDQUOT, EFBIG: .storeFull
      case EACCES, EPERM, EROFS: .storeDenied
      default: .storeUnreachable
      }
    self.init(code, "the spool: \(error)")
  }
}
