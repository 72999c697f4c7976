import BucketStub
import FileServer
import Foundation
import LiveDaemon
import Testing

extension KeptFilesTests {
  /// Which strings of an output are files, and what is kept of them.
  @Suite struct OutputTests {
    private static let text = "text/plain"

    @Test(arguments: StoreKind.available, [false, true])
    func `a picture is kept byte for byte`(_ kind: StoreKind, _ isInBucket: Bool) throws {
      let bucket = isInBucket ? try TestKey.stub() : nil
      let keeper = try Keeper(on: kind, bucket: bucket)
      let bytes = Keeper.bytes(1_725_478)
      try keeper.end("p1", output: keeper.origin.serve("/xezq/out-0.png", bytes))
      let job = try keeper.await("p1")
      #expect(job.state == "succeeded")
      #expect(job.archive?.stored == 1 && job.archive?.waiting == 0 && job.archive?.failed == 0)
      #expect(job.archive?.bytes == bytes.count && job.archive?.mode == "best_effort")
      try keeper.expectFile("p1", is: bytes)
      let file = try #require(job.files?.first)
      #expect(job.files?.count == 1 && file.at == "/output" && file.name == "out-0.png")
      #expect(file.type == "image/png" && file.error == nil && file.nextTryAt == nil)
      let digest = Keeper.digest(bytes)
      if let bucket {
        let object = try #require(bucket.objects["kept/sha256/\(digest.prefix(2))/\(digest)"])
        #expect(object == .init(bytes: bytes, type: "image/png"))
        #expect(bucket.files.count == 1)
        #expect(try keeper.daemon.fetch("/jobs/p1/files/0").status == 302)
      } else {
        #expect(keeper.keptFiles() == ["\(digest.prefix(2))/\(digest)"])
      }
      try wait("an empty spool") { keeper.spooled().isEmpty }
      // The output itself stays as it was.
      #expect(try keeper.daemon.fetch("/jobs/p1").text.contains(#""output":"http:"#))
    }

    @Test func `lists, objects and nested values name files, and equal URLs are fetched once`() throws {
      let keeper = try Keeper()
      let origin = keeper.origin
      let urls = (0..<6).map { origin.serve("/out-\($0).png", Keeper.bytes(1000 + $0, seed: UInt64($0))) }
      try keeper.end("list", output: Array(urls[0..<4]))
      // The order is that of the document, which JSONSerialization does not keep: one member an object.
      try keeper.end(
        "nested", output: [["a": [urls[4], ["b": urls[5]]]], "text", 7, NSNull(), urls[4], urls[0]])
      let list = try #require(try keeper.await("list").files)
      #expect(list.map(\.at) == (0..<4).map { "/output/\($0)" })
      #expect(list.map(\.n) == [0, 1, 2, 3] && list.map(\.size) == [1000, 1001, 1002, 1003])
      let nested = try #require(try keeper.await("nested").files)
      #expect(nested.map(\.at) == ["/output/0/a/0", "/output/0/a/1/b", "/output/4", "/output/5"])
      #expect(nested.map(\.size) == [1004, 1005, 1004, 1000])
      #expect(nested[0].sha256 == nested[2].sha256)
      #expect(origin.fetches(of: "/out-4.png").count == 1)
      try keeper.expectFile("nested", 2, is: Keeper.bytes(1004, seed: 4))
      // The picture that both jobs have is stored once.
      #expect(keeper.keptFiles().count == 6)
      // It is measured a second later.
      try wait("no waiting file") { try keeper.metric("archive_waiting") == 0 }
    }

    @Test func `pointers to members are escaped`() throws {
      let keeper = try Keeper()
      try keeper.end("p1", output: ["a/b~c": keeper.origin.serve("/a.png", [1])])
      #expect(try keeper.await("p1").files?.map(\.at) == ["/output/a~1b~0c"])
    }

    @Test func `a URL within a text is no file`() throws {
      let keeper = try Keeper()
      let url = keeper.origin.serve("/a.png", [1])
      try keeper.end("text", output: ["see \(url)", "\(url) ", " \(url)", "![a](\(url))", "\(url)\n"])
      try keeper.end("file", output: url)
      // It ended later, and is done.
      try keeper.await("file")
      let job = try keeper.job("text")
      #expect(job.archive == nil || job.archive?.state == "none")
      #expect(job.files?.isEmpty ?? true)
      #expect(keeper.origin.fetches.count == 1)
      #expect(try keeper.daemon.fetch("/jobs/text/files/0").status == 404)
    }

    /// The proxy stands for the network: it sees each connection that leaves.
    @Test func `no request goes to a host that is not allowed`() throws {
      let network = try FileServer(isConcurrent: true) { _, _ in FileServer.Answer(502) }
      let keeper = try Keeper(["https_proxy": network.origin, "no_proxy": ""])
      let outputs = [
        "http://169.254.169.254/", "https://169.254.169.254/latest/", "https://replicate.delivery.evil.test/",
        "https://replicate.delivery@evil.test/", "https://user@replicate.delivery/a.png", "https://[::1]/",
        "https://2130706433/", "https://127.0.0.1/", "http://replicate.delivery/a.png",
        "https://replicate.delivery:8443/a.png", "https://evilreplicate.delivery/",
        "https://replicate.delivery.", "file:///etc/passwd", "gopher://replicate.delivery/",
        "https://repl\u{0131}cate.delivery/", "https://replicate.delivery\\@evil.test/",
        "\(keeper.origin.url)0/a.png", "https\(keeper.origin.url.dropFirst(4))/a.png",
        "http://localhost:\(keeper.origin.url.split(separator: ":").last ?? "")/a.png",
        "https://replicate.delivery/kept.png", "https://pbxt.replicate.delivery/kept.png",
      ]
      try keeper.end("hostile", output: outputs)
      let allowed = outputs.count - 2
      try keeper.awaitFile("hostile", 1, "a try") { $0.tries ?? 0 > 0 }
      #expect(try keeper.job("hostile").files?.map(\.at) == ["/output/\(allowed)", "/output/\(allowed + 1)"])
      let targets = Set(network.requests.map(\.target))
      #expect(targets == ["replicate.delivery:443", "pbxt.replicate.delivery:443"])
      #expect(network.requests.allSatisfy { $0.method == "CONNECT" })
      #expect(keeper.origin.fetches.isEmpty)
    }

    /// libcurl resolves names below `localhost` to this machine (RFC 6761 section 6.3).
    @Test func `an allowed name that leads to this machine is refused at the socket`() throws {
      let keeper = try Keeper(["ARCHIVE_HOSTS": "files.localhost"])
      try keeper.end("p1", output: "https://files.localhost/a.png")
      let job = try keeper.await("p1", "failed")
      #expect(job.files?.first?.code == "address_refused" && job.files?.first?.state == "failed")
      let answer = try keeper.daemon.fetch("/jobs/p1/files/0")
      #expect(answer.status == 410 && answer.text.contains("address_refused"))
    }

    @Test func `an empty file is kept`() throws {
      let keeper = try Keeper()
      try keeper.end("p1", output: keeper.origin.serve("/a.txt", [], ["Content-Type: text/plain"]))
      try keeper.await("p1")
      try keeper.expectFile("p1", is: [])
    }

    @Test func `data URIs are decoded from the output`() throws {
      let keeper = try Keeper()
      try keeper.end(
        "data",
        output: [
          "data:image/png;base64,iVBORw0KGgo=", "data:text/plain,a%20b%0A", "data:;base64,AAEC",
          "data: none of that",
        ])
      let job = try keeper.await("data")
      #expect(job.files?.map(\.at) == ["/output/0", "/output/1", "/output/2"])
      #expect(job.files?.prefix(2).map(\.name) == ["output-0.png", "output-1.txt"])
      #expect(job.files?.prefix(2).map(\.type) == ["image/png", "text/plain"])
      try keeper.expectFile("data", 0, is: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
      try keeper.expectFile("data", 1, is: Array("a b\n".utf8))
      try keeper.expectFile("data", 2, is: [0, 1, 2])
      try keeper.end("broken", output: ["data:image/png;base64,!!!", "data:text/plain,%zz"])
      let broken = try keeper.await("broken", "failed")
      #expect(broken.files?.map(\.code) == ["bad_data_uri", "bad_data_uri"])
      #expect(keeper.origin.fetches.isEmpty)
    }

    @Test func `a data URI of six megabytes is kept`() throws {
      let keeper = try Keeper(["MAX_BODY": "16MiB"])
      let bytes = Keeper.bytes(6 << 20)
      try keeper.end("large", output: "data:image/png;base64,\(Data(bytes).base64EncodedString())")
      // In the list, which does not have the output.
      try wait("the file", seconds: 40) {
        poll(nil, 0, 50)
        return try keeper.daemon.fetch("/jobs?ids=large").text.contains(#""state":"complete""#)
      }
      try keeper.expectFile("large", is: bytes)
    }

    @Test func `files of failed jobs are kept, and those of output events are not`() throws {
      let keeper = try Keeper()
      let origin = keeper.origin
      let first = origin.serve("/first.png", [1])
      let last = origin.serve("/last.png", [2, 3])
      try keeper.end("p1", output: [first], status: "processing")
      try keeper.end("p1", output: [last], status: "failed")
      let job = try keeper.await("p1")
      #expect(job.state == "failed" && job.files?.count == 1)
      try keeper.expectFile("p1", is: [2, 3])
      #expect(origin.fetches(of: "/first.png").isEmpty)
    }

    @Test func `too many files of one job are none`() throws {
      let keeper = try Keeper()
      let url = keeper.origin.serve("/a.png", [1])
      try keeper.end("p1", output: (0...1000).map { "\(url)?\($0)" })
      let job = try keeper.await("p1", "failed")
      #expect(job.archive?.code == "too_many_files")
      #expect(keeper.origin.fetches.isEmpty)
    }
  }
}
