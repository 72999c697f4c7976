internal import Bytes
internal import Crypto
internal import HTTPWire
internal import JobsAPI
internal import Routing

/// The page as one document, with the policy that it is served under.
///
/// Its styles are one element and its scripts another, so that one hash each allows them.
struct PageDocument {
  let body: [UInt8]
  /// The value of its Content-Security-Policy.
  let policy: String
  let tag: EntityTag

  /// - Parameters:
  ///   - files: by name; `index.html` lists the styles and the scripts.
  ///   - mediaSources: the sources of media beside this server.
  init(files: [String: [UInt8]], mediaSources: [String]) {
    var assembly = PageAssembly(files: files, mediaSources: mediaSources)
    assembly.assemble()
    body = Array(assembly.text.utf8)
    policy =
      ContentPolicy(
        scriptHash: Self.hash(of: assembly.scripts), styleHash: Self.hash(of: assembly.styles),
        mediaSources: mediaSources
      ).text
    // A browser that keeps the document also keeps the policy that came with it.
    tag = EntityTag(digest: Self.digest(of: "\(policy)\n\(assembly.text)"))
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
    guard !tag.isMatched(byIfNoneMatch: head.fields.all("if-none-match")) else {
      return Response(status: .notModified, fields: fields)
    }
    return Response(status: .ok, fields: [("Content-Type", "text/html; charset=utf-8")] + fields, body: body)
  }

  private var fields: [(name: String, value: String)] {
    [
      ("ETag", tag.text),
      // Kept, and validated before each use: an update of the daemon shows at once.
      ("Cache-Control", "no-cache"),
      ("Content-Security-Policy", policy),
      ("Referrer-Policy", "no-referrer"),
      ("X-Content-Type-Options", "nosniff"),
      ("Cross-Origin-Opener-Policy", "same-origin"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
  }
}
