import BlobStores
import BucketStub
import Foundation
import HTTPClient
import Testing
import Time

/// Links to files: presigned, public, and on this machine.
@Suite struct LinkTests {
  private let stub: BucketStub
  private let store: BucketStore
  private let key: BlobKey
  private let content = Spool.bytes(1000)
  private let head = BlobHead(type: "image/png", disposition: "inline; filename*=UTF-8''out%20(1).png")

  init() throws {
    stub = try TestKey.stub()
    store = try BucketStore(stub, prefix: "p")
    key = .content(sha256: Spool.digest(content))
    stub.put(content, type: "application/octet-stream", at: "p/\(key.path)")
  }

  private func url(for seconds: Int, at now: Timestamp = BucketStore.wallClock()) throws -> String {
    guard case .redirect(let url) = store.link(to: key, as: head, for: seconds, at: now) else {
      throw CancellationError()
    }
    return url
  }

  @Test func `a presigned link needs no credentials, and carries type and disposition`() throws {
    let answer = try Fetched(url(for: 60))
    #expect(answer.status == 200 && answer.bytes == content)
    #expect(answer.fields == ["content-type": [head.type], "content-disposition": [head.disposition]])
    let part = try Fetched(url(for: 60), fields: ["Range: bytes=10-19"])
    #expect(part.status == 206 && part.bytes == Array(content[10..<20]))
  }

  @Test func `a link for HEAD answers HEAD with the length, and nothing else`() throws {
    let link = store.link(to: key, as: head, for: 60, method: "HEAD", at: BucketStore.wallClock())
    guard case .redirect(let url) = link else { throw CancellationError() }
    var request = HTTPClientRequest(.head, url)
    request.wantedFields = ["content-length", "content-type"]
    let answer = try BlockingHTTPClient(usesProxy: false).send(request)
    #expect(answer.status == 200 && answer.fields["content-length"] == ["1000"])
    #expect(answer.fields["content-type"] == [head.type])
    #expect(try Fetched(url).status == 403)
  }

  @Test(arguments: [1, 3600, 604_800])
  func `a presigned link ends when it is to end`(_ seconds: Int) throws {
    let now = BucketStore.wallClock()
    let url = try url(for: seconds, at: now.advanced(by: .seconds(-seconds) + .seconds(30)))
    #expect(try Fetched(url).status == 200)
    stub.setClock(secondsAhead: 31)
    let answer = try Fetched(url)
    #expect(answer.status == 403)
    #expect(String(decoding: answer.bytes, as: UTF8.self).contains("Request has expired"))
  }

  @Test(arguments: [(0, 1), (-5, 1), (604_801, 604_800), (Int.max, 604_800)])
  func `the time of a link is within the bounds of the protocol`(_ seconds: Int, _ sent: Int) throws {
    #expect(try url(for: seconds).contains("X-Amz-Expires=\(sent)&"))
  }

  @Test(arguments: [
    ("image%2Fpng", "text%2Fhtml"), ("inline", "attachment"), ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
    ("/p/", "/q/"), ("X-Amz-Signature=", "X-Amz-Signature=0"),
  ])
  func `a presigned link is worth nothing when it is changed`(_ old: String, _ new: String) throws {
    let url = try url(for: 60)
    let changed = url.replacingOccurrences(of: old, with: new)
    #expect(changed != url)
    #expect(try Fetched(changed).status == 403)
  }

  @Test func `a presigned link is for reading alone`() throws {
    let request = HTTPClientRequest(.delete, try url(for: 60))
    #expect(try BlockingHTTPClient(usesProxy: false).send(request).status >= 400)
    #expect(stub.objects.count == 1)
  }

  @Test(arguments: ["https://cdn.example.test", "https://cdn.example.test/", "https://cdn.example.test/a/"])
  func `a public address comes before the key, without a signature`(_ text: String) throws {
    let address = try #require(PublicURL(try HTTPURL(text)))
    let base = text.hasSuffix("/") ? text : "\(text)/"
    let bucket = try BucketStore(stub, prefix: "a b", publicURL: address)
    let folder = FolderStore("/files", node: "one", publicURL: address)
    let now = BucketStore.wallClock()
    #expect(
      bucket.link(to: key, as: head, for: 60, at: now)
        == .redirect(url: "\(base)a%20b/\(key.path)"))
    #expect(folder.link(to: key, as: head, for: 60, at: now) == .redirect(url: base + key.path))
  }

  @Test func `a public address has no query`() throws {
    #expect(PublicURL(try HTTPURL("https://cdn.example.test/?a=")) == nil)
  }
}
