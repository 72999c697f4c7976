internal import BlobStores
internal import FileResponses
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import KeptFiles
internal import Routing
internal import System
internal import Time

/// `GET /jobs/{id}/files/{n}`: a kept file, or where it is.
final class FilesEndpoint {
  private let api: APIContext
  private let runtime: ArchiveRuntime
  private let readers: FileReaders
  private let lookup: ArchiveLookup

  /// - Parameter readers: read the files that are on this machine.
  init(_ api: APIContext, _ runtime: ArchiveRuntime, readers: FileReaders) {
    (self.api, self.runtime, self.readers) = (api, runtime, readers)
    lookup = ArchiveLookup(views: api.views)
  }

  var routes: [Route] {
    [
      Route(
        .get, "/jobs/{id}/files/{n}", name: "file", summary: "Returns a kept file, or redirects to it.",
        access: api.access.readingJob
      ) { [self] (stream: RoutedStream<JobReader>) async throws(StreamFailure) in
        do throws(Problem) {
          return try await response(to: stream)
        } catch {
          return stream.refuse(stream.admitted.refusal(of: error))
        }
      }
    ]
  }

  private func response(to stream: RoutedStream<JobReader>) async throws(Problem) -> StreamedResponse {
    let (head, reader, id) = (stream.request.head, stream.admitted, stream.path["id"])
    let seconds = try linkSeconds(
      try QueryParameters(head.target, allowing: [Self.ttl] + reader.parameters), for: reader)
    guard let n = Self.number(stream.path["n"]) else { throw .fileNotFound }
    let places = try api.reads.claimPlaces(job: id, for: stream.request, as: reader)
    // A file of the spool may be moved to the store between both steps. The second time it is there.
    if let found = try await response(to: head, with: n, ofJob: id, for: reader, seconds, isLast: false) {
      return found.holding(places)
    }
    guard let found = try await response(to: head, with: n, ofJob: id, for: reader, seconds, isLast: true)
    else { throw .fileNotFound }
    return found.holding(places)
  }

  /// Nil where the file was not found at its place, and another attempt is left.
  private func response(
    to head: RequestHead, with n: Int64, ofJob id: String, for reader: JobReader, _ seconds: Int, isLast: Bool
  ) async throws(Problem) -> StreamedResponse? {
    let file = try await lookup.file(n, ofJob: id)
    let fileHead = FileHead(of: file, for: reader)
    switch try place(of: file, fileHead, seconds, method: head.method) {
    case .redirect(let url):
      return .whole(Response(status: .found, fields: [("Location", url)] + fileHead.redirectFields))
    case .file(let path):
      let opened: OpenedFile
      do throws(SystemError) {
        opened = try await readers.open(path)
      } catch {
        guard isLast || error.number != Self.noSuchFile else { return nil }
        throw .unreadableFile("\(error)")
      }
      guard let sha256 = file.sha256, opened.size == file.size.map(Int.init) else {
        throw .unreadableFile("\(path) has \(opened.size) bytes, and not those that were stored")
      }
      return try FileResponse(opened, tag: "\"\(sha256)\"", fields: fileHead.fields, readBy: readers)
        .response(to: head)
    }
  }

  /// ENOENT.
  private static let noSuchFile: Int32 = 2

  /// Where the file is; a refusal where it is not to be had.
  private func place(
    of file: ArchivedFile, _ head: FileHead, _ seconds: Int, method: Method
  ) throws(Problem) -> BlobLink {
    let now = api.views.now
    switch file.state {
    case .waiting:
      let distance = (file.dueAt.milliseconds - now.milliseconds) / 1000 + 1
      throw .notStoredYet(
        "the file is being fetched: try again", retryAfter: min(max(1, distance), Self.maxRetryAfter))
    case .fetched:
      guard let path = runtime.spoolPath(of: file) else {
        throw .notStoredYet("the file is on another node, and on its way into the store", retryAfter: 5)
      }
      return .file(path: path)
    case .stored:
      // A client that follows a redirect repeats its method, and a signature is for one method.
      let link = runtime.link(
        to: file, disposition: head.disposition, for: seconds, method: method.name, at: now)
      guard let link else {
        throw .unreadableFile("no link to the stored file could be made")
      }
      return link
    case .failed: throw .fileGone(file.code ?? "failed", "the file could not be kept")
    case .deleting, .deleted: throw .fileGone(file.code ?? "deleted", "the file was deleted")
    }
  }

  private static let maxRetryAfter: Int64 = 60

  /// The decimal number of a file. Nil for any other text, such as `+1` and `01`.
  private static func number(_ text: String) -> Int64? {
    guard let number = Int64(text), number >= 0, String(number) == text else { return nil }
    return number
  }
}

// MARK: - Links

extension FilesEndpoint {
  /// How long a link to a bucket is valid.
  private static let ttl = "ttl"
  private static let defaultLinkSeconds = 3600
  private static let maxLinkTime = Duration.seconds(7 * 86_400)
  private static let linkTimes = DurationFormat(
    units: [.days, .hours, .minutes, .seconds], order: .descending, maxDigits: 9, max: maxLinkTime)

  private func linkSeconds(_ query: QueryParameters, for reader: JobReader) throws(Problem) -> Int {
    var seconds = Self.defaultLinkSeconds
    if let text = query[Self.ttl] {
      guard let time = Self.linkTimes.parse(text), time >= .seconds(1) else {
        throw QueryParameters.invalid("`ttl` is a duration from 1s to 7d, such as 48h")
      }
      seconds = Int(time.components.seconds)
    }
    // A link opens the file to everybody who has it, so it ends with the token that it was made for.
    guard reader.scope != .full, let expiry = reader.expiry else { return seconds }
    return min(seconds, max(1, Int(expiry.milliseconds - api.views.now.milliseconds) / 1000))
  }
}

extension StreamedResponse {
  /// The response, which occupies the places of a stream until its end.
  fileprivate func holding(_ places: [StreamPlace]) -> StreamedResponse {
    guard case .stream(let head, let produce) = self, !places.isEmpty else { return self }
    return .stream(head) { writer throws(StreamFailure) in
      defer { withExtendedLifetime(places) {} }
      try await produce(writer)
    }
  }
}
