@testable import Downloads
import Testing

@Suite struct DataURITests {
  @Test(arguments: [
    ("data:,a%20b", "text/plain; charset=us-ascii", "a b"),
    ("data:;base64,aGk=", "text/plain; charset=us-ascii", "hi"),
    ("data:text/html;charset=utf-8,<p>", "text/html; charset=utf-8", "<p>"),
    ("DATA:image/png;BASE64,aGk=", "image/png", "hi"), ("data:image/png;base64,aGk", "image/png", "hi"),
    ("data:image/png;base64,aG\n k%3D", "image/png", "hi"), ("data:image/png,", "image/png", ""),
    ("data:;charset=utf-8,x", "text/plain; charset=utf-8", "x"),
    ("data:nonsense/,x", "application/octet-stream", "x"),
    ("data:image/png;base64,", "image/png", ""), ("data:text/plain,a,b", "text/plain", "a,b"),
    ("data:application/x;a=b;base64,aGk=", "application/x", "hi"),
  ])
  func `a URI holds a type and bytes`(_ text: String, _ type: String, _ content: String) {
    let uri = DataURI(text)
    #expect(uri?.type.description == type)
    #expect(uri?.bytes == Array(content.utf8))
    #expect(SourceRules().source(text) == .data(text))
  }

  @Test(arguments: [
    "data:image/png;base64,aGk=!", "data:image/png;base64,a", "data:,%", "data:,%zz", "data:;base64,aG=k",
    "data:image/png;base64,a-_k", "data:text/plain,%4",
  ])
  func `a broken one is a file without content`(_ text: String) {
    #expect(DataURI(text) == nil)
    #expect(SourceRules().source(text) == .data(text))
  }

  @Test(arguments: [
    "data:", "data:image/png;base64", "data: none, really", "data:foo,bar", "database, table", "dat:,x",
    "data: ,x",
    "data:" + String(repeating: "a", count: 300) + "/b,x", "data:image/png bla, x", "xdata:,a",
  ])
  func `text that starts alike is text`(_ text: String) {
    #expect(SourceRules().source(text) == nil)
  }
}
