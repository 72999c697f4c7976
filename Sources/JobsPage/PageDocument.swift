internal import Bytes
internal import Crypto
internal import HTTPWire
internal import JobsAPI
internal import Routing

/// The page as one document, with the policy that it is served under.
///
/// Its styles are one element and its scripts another, so that one hash each allows them.
struct PageDocument {
  /// The value of its Content-Security-Policy.
  let policy: String
  let plain: Form
  /// Nil where it is not smaller.
  let compressed: Form?

  /// The document in one content coding.
  struct Form {
    let body: [UInt8]
    let tag: EntityTag
    let fields: [(name: String, value: String)]
  }

  /// - Parameters:
  ///   - files: by name; `index.html` lists the styles and the scripts.
  ///   - mediaSources: the sources of media beside this server.
  init(files: [String: [UInt8]], mediaSources: [String]) {
    var assembly = PageAssembly(files: files, mediaSources: mediaSources)
    assembly.assemble()
    let body = Array(assembly.text.utf8)
    policy =
      ContentPolicy(
        scriptHash: Self.hash(of: assembly.scripts), styleHash: Self.hash(of: assembly.styles),
        mediaSources: mediaSources
      ).text
    // A browser that keeps the document also keeps the policy that came with it.
    let text = "\(policy)\n\(assembly.text)"
    plain = Form(body: body, tag: EntityTag(digest: Self.digest(of: text)), fields: [])
    // A strong tag names the bytes that are sent.
    let tag = EntityTag(digest: Self.digest(of: "\(Gzip.name)\n\(text)"))
    compressed = Gzip.compress(body).map {
      Form(body: $0, tag: tag, fields: [("Content-Encoding", Gzip.name)])
    }
  }

  private static func digest(of text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    return SHA256().digest(of: bytes.span)
  }

  private static func hash(of text: String) -> String { "sha256-\(Base64.encode(digest(of: text)))" }
}

// MARK: - Serving

extension PageDocument {
  /// It shows nothing of the jobs, which its script then requests like any other client. So anybody may
  /// have it.
  var route: Route {
    Route(.get, "/", name: "page", summary: "Returns the page that shows the jobs.", access: .open) {
      response(to: $0.head)
    }
  }

  func response(to head: RequestHead) -> Response {
    let form = Gzip.isAccepted(by: head) ? compressed ?? plain : plain
    let fields = [("ETag", form.tag.text)] + self.fields
    guard !form.tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: fields)
    }
    return Response(
      status: .ok, fields: [("Content-Type", "text/html; charset=utf-8")] + form.fields + fields,
      body: form.body)
  }

  private var fields: [(name: String, value: String)] {
    [
      // Kept, and validated before each use: an update of the daemon shows at once.
      ("Cache-Control", "no-cache"),
      ("Vary", "Accept-Encoding"),
      ("Content-Security-Policy", policy),
      ("Referrer-Policy", "no-referrer"),
      ("X-Content-Type-Options", "nosniff"),
      ("Cross-Origin-Opener-Policy", "same-origin"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
  }
}
