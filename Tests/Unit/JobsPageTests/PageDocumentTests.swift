import Crypto
import Foundation
@testable import HTTPWire
@testable import JobsAPI
@testable import JobsPage
import LiveDaemon
@testable import Routing
import Testing

/// How the page is assembled, and what it may do in a browser.
@Suite struct PageDocumentTests {
  private static let index = """
    <!doctype html>
    <meta name="output-origins" content="">
    <link rel="stylesheet" href="b.css">
    <link rel="stylesheet" href="a.css">
    <main></main>
      <script type="module" src="two.js"></script>
      <script type="module" src="one.js"></script>

    """

  private static func document(_ changes: [String: String] = [:], media: [String] = []) -> PageDocument {
    let files = [
      "index.html": index, "a.css": "a {}\n", "b.css": "b {}\n", "one.js": "one()\n", "two.js": "two()\n",
    ].merging(changes) { $1 }
    return PageDocument(files: files.mapValues { Array($0.utf8) }, mediaSources: media)
  }

  private static func text(_ document: PageDocument) -> String {
    String(decoding: document.plain.body, as: UTF8.self)
  }

  private static func hash(_ text: String) -> String {
    let bytes = Array(text.utf8)
    return "'sha256-\(Base64.encode(SHA256().digest(of: bytes.span)))'"
  }

  @Test func `the files are joined in the order of the index`() {
    let document = Self.document(media: ["https://a.example", "http://127.0.0.1:9"])
    #expect(
      Self.text(document) == """
        <!doctype html>
        <meta name="output-origins" content="https://a.example http://127.0.0.1:9">
        <style>
        b {}

        a {}
        </style>
        <main></main>
        <script type="module">
        two()

        one()
        </script>

        """)
    #expect(document.policy.contains("script-src \(Self.hash("\ntwo()\n\none()\n"));"))
    #expect(document.policy.contains("style-src \(Self.hash("\nb {}\n\na {}\n"));"))
  }

  @Test func `nothing is allowed but what the policy names`() {
    let media = ["https://replicate.delivery", "https://*.replicate.delivery"]
    let policy = Self.document(media: media).policy.split(separator: "; ").map(String.init)
    #expect(policy.first == "default-src 'none'")
    let sources = "'self' data: https://replicate.delivery https://*.replicate.delivery"
    #expect(policy.contains("img-src \(sources)") && policy.contains("media-src \(sources)"))
    for directive in [
      "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      "require-trusted-types-for 'script'", "trusted-types 'none'",
    ] {
      #expect(policy.contains(directive))
    }
    #expect(!policy.contains { $0.contains("unsafe") || $0.hasSuffix("*") || $0.contains(" *") })
    #expect(Set(policy.map { $0.prefix { $0 != " " } }).count == policy.count && policy.count == 11)
  }

  private static func response(_ document: PageDocument, _ fields: [String] = []) throws -> Response {
    var parser = RequestHeadParser(limits: MessageLimits())
    let lines = ["GET /?view=health HTTP/1.1", "Host: a"] + fields
    let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    let head = try parser.parse(bytes.span)
    return document.response(to: try #require(head))
  }

  @Test func `a document that the browser has is not sent again`() throws {
    let document = Self.document()
    let whole = try Self.response(document)
    #expect(whole.status == .ok && whole.body == document.plain.body)
    let same = try Self.response(document, ["If-None-Match: \(document.plain.tag.text)"])
    #expect(same.status == .notModified && same.body.isEmpty)
    let names = whole.fields.map(\.name)
    for name in [
      "ETag", "Cache-Control", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options",
      "Cross-Origin-Opener-Policy",
    ] {
      #expect(names.contains(name) && same.fields.contains { $0.name == name }, "\(name)")
    }
  }

  @Test(
    arguments: [
      ("gzip", true), ("gzip, deflate, br, zstd", true), ("br,GZIP", true), ("deflate, gzip;q=0.5", true),
      ("gzip ; q=1.0", true), ("gzip;q=0.001", true), ("gzip;q=0", false), ("gzip; q=0.000", false),
      ("br", false), ("identity", false), ("", false), ("xgzip", false), ("*", false), (nil, false),
    ] as [(String?, Bool)])
  func `it is compressed for browsers that accept gzip`(_ accepted: String?, _ isCompressed: Bool) throws {
    let document = PageDocument(files: PageFiles.all, mediaSources: [])
    let fields = accepted.map { ["Accept-Encoding: \($0)"] } ?? []
    let response = try Self.response(document, fields)
    let coding = response.fields.first { $0.name == "Content-Encoding" }?.value
    #expect(coding == (isCompressed ? "gzip" : nil) && response.fields.contains { $0.name == "Vary" })
    let form = try #require(isCompressed ? document.compressed : document.plain)
    #expect(response.body == form.body)
    let same = try Self.response(document, fields + ["If-None-Match: \(form.tag.text)"])
    #expect(same.status == .notModified)
    #expect(document.compressed?.tag.text != document.plain.tag.text)
    guard isCompressed else { return }
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("page.gz")
    try Data(response.body).write(to: file)
    let whole = try Program.run(["-dc", file.path], executable: "/bin/gzip")
    #expect(Array(whole.output.utf8) == document.plain.body)
  }

  @Test func `a text that would not shrink is not compressed`() {
    #expect(Gzip.compress([]) == nil && Gzip.compress([1, 2, 3]) == nil)
  }

  /// A browser that keeps the document keeps its policy too.
  @Test func `the tag changes with the document and with the policy`() {
    let tags = [
      Self.document(), Self.document(["one.js": "other()\n"]), Self.document(["a.css": "c {}\n"]),
      Self.document(["index.html": "<p>"]), Self.document(media: ["https://a.example"]),
    ].map(\.plain.tag.text)
    #expect(Set(tags).count == tags.count)
    #expect(Self.document().plain.tag.text == tags[0])
  }

  // MARK: The page itself

  /// A file that is not embedded, or not listed, would be missing without a word.
  @Test func `every file of the page is embedded, and listed once`() throws {
    let folder = Program.root.appendingPathComponent("Sources/JobsPage/Page")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(names) == Set(PageFiles.all.keys))
    for (name, bytes) in PageFiles.all {
      #expect(try Data(contentsOf: folder.appendingPathComponent(name)) == Data(bytes), "\(name)")
    }
    let listed = String(decoding: PageFiles.all["index.html"] ?? [], as: UTF8.self)
      .split(separator: "\n").compactMap { line -> Substring? in
        switch PageAssembly.Line(line) {
        case .style(let name), .script(let name): name
        case .mediaSources, .plain: nil
        }
      }
    #expect(listed.map(String.init).sorted() == names.filter { $0 != "index.html" }.sorted())
  }

  @Test(
    arguments: [
      ("a();\n  // b\n  c();\n", "a();\nc();\n"), ("/** a */\nb();\n", "b();\n"),
      ("/**\n * a\n * `// b`\n */\nc(); // d\n", "c(); // d\n"),
      ("/* a\n   b */\nc { d: e; } /* f */\n", "c { d: e; } /* f */\n"),
      ("a(/\\/*/);\n\nb();\n", "a(/\\/*/);\nb();\n"),
    ])
  func `lines that are comments are not sent`(_ text: String, _ code: String) {
    #expect(PageAssembly.code(of: text) == code)
  }

  /// Their indentation is not sent. `dom.js` splits its only one at spaces.
  @Test func `no template spans lines`() {
    for (name, bytes) in PageFiles.all where name.hasSuffix(".js") && name != "dom.js" {
      let code = PageAssembly.code(of: String(decoding: bytes, as: UTF8.self))
      for line in code.split(separator: "\n") {
        #expect(line.count { $0 == "`" }.isMultiple(of: 2), "\(name): \(line)")
      }
    }
  }

  @Test func `the page is small`() throws {
    let document = PageDocument(files: PageFiles.all, mediaSources: [])
    #expect(document.plain.body.count <= 180_000)
    let compressed = try #require(document.compressed)
    #expect(compressed.body.count <= 60_000)
    let readme = try String(contentsOf: Program.root.appendingPathComponent("README.md"), encoding: .utf8)
    let figure = try #require(readme.firstMatch(of: /one document of (\d+) KB, gzipped/)?.1)
    #expect(abs((Int(figure) ?? 0) * 1000 - compressed.body.count) <= 3000, "\(compressed.body.count) bytes")
  }

  @Test func `the assembled page has one style and one script, and they are its last words`() {
    let document = PageDocument(files: PageFiles.all, mediaSources: [])
    let text = Self.text(document)
    for tag in [
      "<style>", "</style>", "<script type=\"module\">", "</script>", "<meta name=\"output-origins\"",
    ] {
      #expect(text.components(separatedBy: tag).count == 2, "\(tag)")
    }
    #expect(!text.contains("<link rel=\"stylesheet\"") && !text.contains("src=\""))
    #expect(text.contains("<link rel=\"icon\" href=\"data:"))
  }
}
