import Foundation
import Testing

@testable import replicate_simulator

@Suite struct MultipartTests {
  @Test(
    arguments: [
      ("multipart/form-data; boundary=abc", "abc"),
      (#"Multipart/Form-Data; charset=x; BOUNDARY="a b""#, "a b"),
      ("multipart/form-data", nil), ("multipart/form-data; boundary=", nil),
      ("text/plain; boundary=abc", nil),
      ("multipart/form-data; boundary=" + String(repeating: "a", count: 71), nil), ("", nil),
    ] as [(String, String?)])
  func parsesBoundary(_ contentType: String, _ boundary: String?) {
    #expect(Multipart.boundary(ofContentType: contentType) == boundary)
  }

  private func contents(_ text: String) -> [String]? {
    let body = Array(text.utf8)
    return Multipart.parts(of: body, boundary: "b")?.map {
      "\($0.name) \($0.filename ?? "-") \($0.contentType ?? "-") "
        + String(decoding: body[$0.content], as: UTF8.self)
    }
  }

  @Test func parsesParts() {
    let file = "--b\r\ncontent-disposition: form-data; name=\"content\"; filename=\"a.png\"\r\n"
    let text = "--b\r\nX: y\r\nContent-Disposition: form-data; name=metadata\r\n\r\n{}\r\n"
    // A boundary that does not start a line is content.
    #expect(
      contents(file + "Content-Type: image/png\r\n\r\n\r\n\r--b\r\n\r\n" + text + "--b--\r\nepilogue")
        == ["content a.png image/png \r\n\r--b\r\n", "metadata - - {}"])
    #expect(contents(file + "\r\n\r\n--b--") == ["content a.png - "])
    #expect(contents("--b--") == [])
  }

  @Test(arguments: [
    "", "--b", "x--b--", "--b\r\n", "--b\r\n\r\nx\r\n--b--", "--b\r\nno colon\r\n\r\nx\r\n--b--",
    "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "--bc\r\n\r\nx\r\n--b--",
    "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--c--",
  ])
  func rejectsMalformedBodies(_ text: String) {
    #expect(contents(text) == nil)
  }

  @Test func limitsPartsAndHeads() {
    let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
    let body = { (count: Int) in String(repeating: part, count: count) + "--b--" }
    #expect(contents(body(Multipart.maxParts))?.count == Multipart.maxParts)
    #expect(contents(body(Multipart.maxParts + 1)) == nil)
    #expect(
      contents(
        "--b\r\nContent-Disposition: form-data; name=a\r\nX: " + String(repeating: "x", count: 9000)
          + "\r\n\r\nx\r\n--b--") == nil)
  }

  private static let beginning = Instant(nanoseconds: 0)

  private func insert(
    _ size: Int, into store: inout FileStore, expiringAfter lifetime: Duration = .seconds(9)
  ) {
    let file = FileStore.File(
      id: "\(store.nextOrdinal())", name: "", contentType: "", metadata: [], createdAt: Self.beginning,
      expiresAt: Self.beginning + lifetime, sha256: "", content: Array(repeating: 0, count: size))
    store.insert(file, at: Self.beginning)
  }

  @Test func evictsOldestFiles() {
    var store = FileStore()
    let now = Self.beginning
    for _ in 0..<FileStore.maxFiles + 2 { insert(1, into: &store) }
    #expect(store.files.count == FileStore.maxFiles && store.files.first?.id == "3")
    #expect(store.file("1", at: now) == nil && store.remove("3", at: now) && !store.remove("3", at: now))
    for _ in 0..<3 { insert(FileStore.maxTotalSize / 2, into: &store) }
    #expect(store.files.map(\.content.count) == Array(repeating: FileStore.maxTotalSize / 2, count: 2))
  }

  @Test func filesExpire() {
    var store = FileStore()
    insert(1, into: &store, expiringAfter: .seconds(10))
    insert(1, into: &store, expiringAfter: .seconds(20))
    let (before, after) = (Self.beginning + .milliseconds(9999), Self.beginning + .seconds(10))
    #expect(store.file("1", at: before) != nil && store.file("1", at: after) == nil)
    #expect(store.file("2", at: after) != nil && !store.remove("1", at: after))
    #expect(store.files.map(\.id) == ["2"])
  }

  @Test func signedURLExpiresWithItsFile() throws {
    let file = FileStore.File(
      id: "f", name: "", contentType: "", metadata: [], createdAt: Self.beginning,
      expiresAt: Self.beginning + .seconds(10), sha256: "", content: [])
    let signer = DownloadSigner()
    let parameters = try signer.query(of: file).split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      return (name: parts[0], value: try #require(parts[1].removingPercentEncoding))
    }
    #expect(signer.isSigned(id: "f", parameters, at: Self.beginning + .seconds(9)))
    #expect(!signer.isSigned(id: "f", parameters, at: Self.beginning + .seconds(10)))
    #expect(!signer.isSigned(id: "g", parameters, at: Self.beginning))
    #expect(!DownloadSigner().isSigned(id: "f", parameters, at: Self.beginning))
  }
}
