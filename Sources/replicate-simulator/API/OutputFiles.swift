internal import Bytes
internal import Crypto
internal import HTTPServer
internal import HTTPWire

/// Serves the files of outputs in pieces, with the faults that were requested.
extension APIHandler {
  /// Nil for a route whose response is sent as a whole.
  func streamResponder(of route: APIRoute) -> StreamResponder? {
    switch route {
    case .output, .bareFile:
      return { [self] request throws(StreamFailure) in
        do throws(APIProblem) {
          return send(try await requested(route, request.head), for: request)
        } catch {
          return .whole(error.response)
        }
      }
    default: return nil
    }
  }

  private func requested(
    _ route: APIRoute, _ head: RequestHead
  ) async throws(APIProblem) -> RequestedFile {
    switch route {
    case .output(let key, let name):
      return try await provider.requestOutputFile(
        key, name, hasToken: head.fields.contains("authorization"))
    case .bareFile(let byteCount, let name):
      var faults = FileFaults()
      for (name, value) in try parameters(of: head) {
        switch name {
        case "times": faults.times = Int(value) ?? 1
        case "fault":
          guard let fault = FileFault(rawValue: value) else {
            throw APIProblem(
              .badRequest, "`fault` is one of " + FileFault.allCases.map(\.rawValue).joined(separator: ", "))
          }
          faults.all.insert(fault)
        default: break
        }
      }
      return await provider.requestBareFile(byteCount, name, faults)
    default: throw .notFound
    }
  }

  private func send(_ requested: RequestedFile, for request: StreamedRequest) -> StreamedResponse {
    if let refusal = Self.refusal(requested.faults, request.head) { return .whole(refusal) }
    var file = requested
    if file.faults.contains(.changing) { file.content = file.content.changed(file.number) }
    // An announced coding hides the content, so it has to be there as a whole.
    let isCoded = file.faults.contains(.gzip)
    if isCoded { file.content = .bytes(Gzip.stored(file.content.bytes)) }
    var response = FileResponse(
      content: file.content, contentType: file.contentType,
      entityTag: file.faults.contains(.noETag) ? nil : "\"\(tag(of: file.content))\"",
      modifiedAt: file.modifiedAt,
      // As recorded from Replicate's: any page may show and read the file.
      fields: [
        ("Cache-Control", "public,max-age=3600"), ("Access-Control-Allow-Origin", "*"),
        ("X-Content-Type-Options", "nosniff"),
      ] + checksums(of: file) + (isCoded ? [("Content-Encoding", "gzip")] : []))
    response.acceptsRanges = !file.faults.contains(.noRange)
    response.missingCount = file.faults.contains(.short) ? 1 : 0
    var answer = response.answer(to: request.head)
    guard !answer.range.isEmpty || answer.head.contentLength == 0 else {
      return .whole(Response(status: answer.head.status, fields: answer.head.fields))
    }
    if file.faults.contains(.chunked) { answer.head.contentLength = nil }
    return .stream(answer.head) { [provider] writer throws(StreamFailure) in
      let pacing = FilePacing(range: answer.range, of: file)
      var offset = answer.range.lowerBound
      do throws(StreamFailure) {
        while offset < pacing.end {
          let piece = file.content.piece(of: offset..<pacing.end)
          try await writer.write(piece)
          offset += piece.count
        }
        try await writer.flush()
        // The client's departure ends the wait.
        while pacing.stalls { _ = try await request.wait() }
        if pacing.cuts { throw .abandoned }
      } catch {
        await provider.noteSent(offset - answer.range.lowerBound, of: file.origin)
        throw error
      }
      await provider.noteSent(offset - answer.range.lowerBound, of: file.origin)
    }
  }

  /// The response of a fault that leaves nothing of the file; nil if there is none.
  private static func refusal(_ faults: Set<FileFault>, _ head: RequestHead) -> Response? {
    for (fault, status) in [
      (FileFault.busy, Status.serviceUnavailable), (.missing, .notFound), (.denied, .forbidden),
      (.refused, .badRequest),
    ] where faults.contains(fault) {
      return Response(status: status, fields: fault == .busy ? [("Retry-After", "1")] : [])
    }
    let hop = head.target.queryParameters?.last { $0.name == "hop" }.flatMap { Int($0.value) } ?? 0
    let found = Status.found
    if faults.contains(.redirectAway) {
      return Response(status: found, fields: [("Location", "https://example.com/out-0.png")])
    }
    if faults.contains(.redirects) || faults.contains(.redirect) && hop == 0 {
      let others = (head.target.queryParameters ?? []).filter { $0.name != "hop" } + [("hop", "\(hop + 1)")]
      let query = others.map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }
      let path = head.target.segments.map(PercentEncoding.encode).joined(separator: "/")
      return Response(status: found, fields: [("Location", "/\(path)?\(query.joined(separator: "&"))")])
    }
    return nil
  }

  private func tag(of content: FileContent) -> String {
    switch content {
    case .bytes(let bytes):
      // As recorded from Replicate's, whose server is Google Cloud Storage: the MD5.
      Hexadecimal.encode(Self.md5(bytes) ?? Array(SHA256().digest(of: bytes.span).prefix(16)))
    case .filler(let filler): filler.tag
    }
  }

  private static func md5(_ bytes: [UInt8]) -> [UInt8]? {
    guard var digest = RunningDigest(.md5) else { return nil }
    digest.update(bytes.span)
    return digest.finish()
  }

  private static let maxCheckedBytes = 64 << 20

  /// Google's checksums, which are left out where they would take long.
  private func checksums(of file: RequestedFile) -> [(name: String, value: String)] {
    guard file.content.count <= Self.maxCheckedBytes else { return [] }
    let wrong: UInt8 = file.faults.contains(.checksum) ? 1 : 0
    var (checksum, md5): (UInt32, [UInt8]?) = (0, nil)
    switch file.content {
    case .filler(let filler): checksum = filler.checksum(&fillerChecksums)
    case .bytes(let bytes):
      var running = CRC32C()
      running.update(bytes.span)
      (checksum, md5) = (running.value, Self.md5(bytes))
    }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: checksum ^ UInt32(wrong))
    let fields = [("x-goog-hash", "crc32c=\(Base64.encode(bytes))")]
    guard var md5 else { return fields }
    md5[0] ^= wrong
    return fields + [("x-goog-hash", "md5=\(Base64.encode(md5))")]
  }
}

/// How far a response goes.
private struct FilePacing {
  /// Where the content ends, in bytes of the file.
  let end: Int
  let stalls: Bool
  /// Whether the connection ends with an incomplete response.
  let cuts: Bool

  init(range: Range<Int>, of file: RequestedFile) {
    stalls = file.faults.contains(.stall)
    let isCut = file.faults.contains(.cut)
    let sent = Int(Double(range.count) * file.cutPart)
    end = isCut || stalls ? range.lowerBound + sent : min(range.upperBound, file.content.count)
    cuts = end < range.upperBound
  }
}
