@testable import Archive
@testable import KeptFiles
import Testing

/// How a browser is to treat a kept file.
@Suite struct FileHeadTests {
  @Test(arguments: [
    "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "video/mp4", "video/webm",
    "audio/mpeg", "audio/wav", "audio/ogg", "audio/flac", "application/pdf", "text/plain",
    "text/plain; charset=utf-8", "IMAGE/PNG", "image/png ;x=y",
  ])
  func `types without scripts are shown in their place`(_ type: String) {
    #expect(FileHead.disposition(name: "a", type: type).hasPrefix("inline; "))
  }

  @Test(arguments: [
    "image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/javascript",
    "application/octet-stream", "image/png,text/html", "text/plain/html", "", "text/markdown", "text/css",
    "multipart/x-mixed-replace", "image/*",
  ])
  func `all others are attachments`(_ type: String) {
    #expect(FileHead.disposition(name: "a", type: type).hasPrefix("attachment; "))
  }

  @Test(arguments: [
    ("out-0.png", #"filename="out-0.png"; filename*=UTF-8''out-0.png"#),
    ("a b\".png", #"filename="a_b_.png"; filename*=UTF-8''a%20b%22.png"#),
    ("\r\n\\", #"filename="___"; filename*=UTF-8''%0D%0A%5C"#),
    ("ü😀", #"filename="__"; filename*=UTF-8''%C3%BC%F0%9F%98%80"#),
    ("..", #"filename=".."; filename*=UTF-8''%2E%2E"#), ("", #"filename=""; filename*=UTF-8''"#),
    ("e\u{301}", #"filename="e_"; filename*=UTF-8''e%CC%81"#),
  ])
  func `a name is encoded`(_ name: String, _ expected: String) {
    #expect(FileHead.disposition(name: name, type: "image/png") == "inline; \(expected)")
  }
}
