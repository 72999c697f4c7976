internal import Bytes
internal import Crypto
internal import HTTPServer
internal import HTTPWire
internal import JSONText
internal import StandardWebhooks

/// An uploaded file, parsed from the body of `POST /v1/files`.
struct FileUpload {
  static let maxFileSize = 100_000_000
  private static let maxMetadataSize = 16_384
  private static let maxNameSize = 255
  /// Includes the other parts.
  static let maxBodySize = maxFileSize + 65_536

  let name: String
  let contentType: String
  let metadata: [UInt8]
  let content: Range<Int>

  init(_ body: [UInt8], contentType: String?) throws(APIProblem) {
    guard let boundary = contentType.flatMap(Multipart.boundary),
      let parts = Multipart.parts(of: body, boundary: boundary)
    else { throw APIProblem(.badRequest, "The body is not multipart/form-data.") }
    guard let file = parts.first(where: { $0.name == "content" }) else {
      throw .invalid(InvalidInput(field: "content", description: "content is required"))
    }
    guard file.content.count <= Self.maxFileSize else { throw .fileTooLarge }
    content = file.content
    let text = { (name: String) in
      parts.first { $0.name == name }.map { String(decoding: body[$0.content], as: UTF8.self) }
    }
    name = text("filename") ?? file.filename ?? "file"
    self.contentType = text("type") ?? file.contentType ?? "application/octet-stream"
    metadata = parts.first { $0.name == "metadata" }.map { Array(body[$0.content]) } ?? Array("{}".utf8)
    guard name.utf8.count <= Self.maxNameSize, self.contentType.utf8.count <= Self.maxNameSize else {
      throw .invalid(
        InvalidInput(
          field: "filename", description: "name and type must have at most \(Self.maxNameSize) bytes"))
    }
    guard metadata.count <= Self.maxMetadataSize, (try? JSONScanner.object(metadata.span)) != nil else {
      throw .invalid(
        InvalidInput(
          field: "metadata", description: "must be an object of at most \(Self.maxMetadataSize) bytes"))
    }
  }
}

extension APIHandler {
  func answerFile(_ route: APIRoute, _ request: Request) async throws(APIProblem) -> Response {
    switch route {
    case .createFile:
      let upload = try FileUpload(request.body, contentType: request.head.fields.first("content-type"))
      let file = await provider.store(upload, from: request.body)
      return document(of: file, .created)
    case .files:
      let files = await provider.currentFiles()
      return Response { $0.page(files.reversed()) { write($1, to: &$0) } }
    case .deleteFile(let id):
      guard await provider.removeFile(id) else { throw .notFound }
      return Response(status: .noContent)
    case .download(let id):
      let file = try await provider.download(id, parameters(of: request.head))
      return FileResponse(
        content: .bytes(file.content), contentType: file.contentType, entityTag: file.entityTag,
        modifiedAt: file.createdAt, fields: [("X-Content-Type-Options", "nosniff")]
      ).response(to: request.head)
    case .file(let id): return document(of: try await provider.file(id), .ok)
    default: throw .notFound
    }
  }

  private func document(of file: FileStore.File, _ status: Status) -> Response {
    var writer = JSONWriter()
    write(file, to: &writer)
    return Response(status: status, json: writer.bytes)
  }

  private func write(_ file: FileStore.File, to writer: inout JSONWriter) {
    let url = "\(provider.settings.publicURL)/v1/files/\(file.id)"
    writer.object { object in
      object.member("id", string: file.id)
      object.member("name", string: file.name)
      object.member("content_type", string: file.contentType)
      object.member("size", integer: file.content.count)
      object.member("etag", string: file.sha256)
      object.member("checksums") { $0.object { $0.member("sha256", string: file.sha256) } }
      object.member("metadata", raw: file.metadata[...])
      object.member("created_at", string: file.createdAt.rfc3339(fractionDigits: 3))
      object.member("expires_at", string: file.expiresAt.rfc3339(fractionDigits: 3))
      object.member("urls") { member in
        member.object { object in
          object.member("get", string: url)
          object.member("download", string: url + "/download?" + provider.settings.downloads.query(of: file))
        }
      }
    }
  }
}

extension Provider {
  func store(_ upload: FileUpload, from body: [UInt8]) -> FileStore.File {
    let content = Array(body[upload.content])
    let now = clock.now
    let file = FileStore.File(
      id: settings.identifiers.file(files.nextOrdinal()), name: upload.name, contentType: upload.contentType,
      metadata: upload.metadata, createdAt: now, expiresAt: now + settings.fileLifetime,
      sha256: Hexadecimal.encode(SHA256().digest(of: content.span)), content: content)
    files.insert(file, at: now)
    return file
  }

  func file(_ id: String) throws(APIProblem) -> FileStore.File {
    guard let file = files.file(id, at: clock.now) else { throw .notFound }
    return file
  }

  func currentFiles() -> [FileStore.File] {
    files.removeExpired(at: clock.now)
    return files.files
  }

  func removeFile(_ id: String) -> Bool { files.remove(id, at: clock.now) }

  /// The file that a signed URL opens.
  func download(
    _ id: String, _ parameters: [(name: String, value: String)]
  ) throws(APIProblem) -> FileStore.File {
    guard settings.downloads.isSigned(id: id, parameters, at: clock.now) else { throw .invalidSignature }
    return try file(id)
  }
}
