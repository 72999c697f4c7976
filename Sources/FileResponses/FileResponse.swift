package import HTTPServer
package import HTTPWire
package import Routing

/// The response with a file: whole, in part, or none where the client has it.
///
/// It is sent in pieces, at the pace of the peer, so that no more than a piece is held.
package struct FileResponse {
  private let readers: FileReaders
  private let file: OpenedFile
  private let tag: String
  private let fields: [(name: String, value: String)]

  /// - Parameters:
  ///   - tag: of the content, strong, with its quotation marks.
  ///   - fields: of the file, `Content-Type` among them.
  package init(
    _ file: OpenedFile, tag: String, fields: [(name: String, value: String)], readBy readers: FileReaders
  ) {
    (self.file, self.tag, self.fields, self.readers) = (file, tag, fields, readers)
  }

  /// The response to a GET or HEAD (RFC 9110 sections 13.2.2 and 14.2).
  package func response(to head: RequestHead) throws(Problem) -> StreamedResponse {
    switch head.precondition(of: tag) {
    case .met: break
    case .notModified:
      // Only the fields that RFC 9110 section 15.4.5 requires.
      let kept = fields.filter { Self.fieldsOfNotModified.contains($0.name) }
      return .whole(Response(status: .notModified, fields: [("ETag", tag)] + kept))
    case .failed:
      throw Problem(
        .preconditionFailed, .preconditionFailed, "the file is another one than `If-Match` names",
        fields: [("ETag", tag)])
    }
    let common = [("ETag", tag), ("Accept-Ranges", "bytes")] + fields
    switch head.requestedRange(ofSize: file.size, tag: tag) {
    case .whole: return stream(0..<file.size, .ok, common)
    case .part(let range):
      let contentRange = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"
      return stream(range, .partialContent, common + [("Content-Range", contentRange)])
    case .unsatisfiable:
      throw Problem(
        .rangeNotSatisfiable, .rangeNotSatisfiable, "the file has \(file.size) bytes, and none of the range",
        fields: [("Content-Range", "bytes */\(file.size)")])
    }
  }

  private static let fieldsOfNotModified = ["Cache-Control", "Vary"]

  private func stream(
    _ range: Range<Int>, _ status: Status, _ fields: [(name: String, value: String)]
  ) -> StreamedResponse {
    let head = ResponseHead(status: status, fields: fields, contentLength: range.count)
    return .stream(head) { [readers, file] writer throws(StreamFailure) in
      var offset = range.lowerBound
      while offset < range.upperBound {
        let piece = try? await readers.read(file, at: offset, count: range.upperBound - offset)
        // Else the disk has failed, or the file was cut. The length is announced, so the client notices.
        guard let piece, !piece.isEmpty else { throw .abandoned }
        try await writer.write(piece)
        offset += piece.count
      }
    }
  }
}
