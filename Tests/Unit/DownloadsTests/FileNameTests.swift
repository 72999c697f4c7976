@testable import Downloads
import Testing

@Suite struct FileNameTests {
  @Test(arguments: [
    ("out-0.png", "out-0.png"), ("a/b/c.mp4?x=/y.txt", "c.mp4"), ("a%20b(1).png", "a_b_1_.png"),
    ("%C3%BC.png", "_.png"), ("..", "output-3.png"), (".", "output-3.png"), ("", "output-3.png"),
    ("a/", "output-3.png"), ("%2e%2e", "output-3.png"), ("..%2f..%2fetc%2fpasswd", ".._.._etc_passwd"),
    ("a%22b%0d%0aSet-Cookie:x", "a_b__Set-Cookie_x"), ("a%00.png", "a_.png"), ("%ff%fe", "_ff_fe"),
    ("a%zz.png", "a_zz.png"), ("...", "output-3.png"), ("%5C..%5Cx", "_.._x"), (".htaccess", ".htaccess"),
  ])
  func `a name is the last segment of the path in plain letters`(_ path: String, _ name: String) throws {
    let url = try #require(SourceRules().url("https://replicate.delivery/\(path)"))
    #expect(FileName.of(url, index: 3, type: MediaType(valid: "image/png")) == name)
  }

  @Test func `a long name keeps its extension`() throws {
    let long = String(repeating: "a", count: 500)
    for (path, name) in [
      ("\(long).png", String(repeating: "a", count: 96) + ".png"), (long, String(repeating: "a", count: 100)),
      ("a.\(long)", "a." + String(repeating: "a", count: 98)),
    ] {
      let url = try #require(SourceRules().url("https://replicate.delivery/\(path)"))
      #expect(FileName.of(url, index: 0, type: .unknown) == name)
    }
    let bare = try #require(SourceRules().url("https://replicate.delivery"))
    #expect(FileName.of(bare, index: 0, type: .unknown) == "output-0")
  }

  @Test(
    arguments: [
      ("a.PNG", "png"), ("a.tar.gz", "gz"), ("a", nil), (".png", nil), ("a.", nil), ("a.abcdefghijklm", nil),
    ] as [(String, String?)])
  func `an extension follows the last dot`(_ name: String, _ expected: String?) {
    #expect(FileName.fileExtension(of: name) == expected)
  }
}
