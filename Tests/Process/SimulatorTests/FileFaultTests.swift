import Bytes
import Crypto
import Foundation
import LiveDaemon
import Testing

extension SimulatorProcessTests {
  /// Files of any size, and the faults that an output requests for them.
  @Suite struct FileFaultTests {
    /// An answer as it came, also an incomplete one.
    private struct Raw {
      let status: Int
      let fields: [String: String]
      let body: [UInt8]

      /// Whether the content has the announced length.
      var isComplete: Bool { fields["content-length"].map { $0 == "\(body.count)" } ?? false }
    }

    private func get(_ url: String, _ fields: [String] = [], of simulator: SimulatorProcess) throws -> Raw {
      let port = try #require(simulator.url.split(separator: ":").last.flatMap { Int($0) })
      let connection = try HTTPConnection(host: "127.0.0.1", port: port)
      let head = ["GET \(url.replacing(simulator.url, with: "")) HTTP/1.1", "Host: a", "Connection: close"]
      try connection.send(Array(((head + fields).joined(separator: "\r\n") + "\r\n\r\n").utf8))
      let bytes = connection.receiveAll()
      let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8)))
      let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      var named: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        named[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      return Raw(
        status: Int(lines[0].split(separator: " ")[1]) ?? 0, fields: named,
        body: Array(bytes[end.upperBound...]))
    }

    /// - Returns: the URLs of an ended prediction whose output is this template.
    private func output(_ template: String, of simulator: SimulatorProcess) throws -> [String] {
      let id = try simulator.create("demo/instant", input: #"{"simulate":{"output":[\#(template)]}}"#)
      var output: [String]?
      try wait("the prediction ends") {
        output = try simulator.send("/v1/predictions/\(id)").json["output"] as? [String]
        return output != nil
      }
      return try #require(output)
    }

    private func statuses(_ url: String, _ count: Int, of simulator: SimulatorProcess) throws -> [Int] {
      try (0..<count).map { _ in try get(url, of: simulator).status }
    }

    // MARK: contents

    @Test(arguments: [0, 1, 31, 32, 33, 65_536, 65_568, 200_000])
    func `a file has the requested number of bytes, and its checksum`(_ count: Int) throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let urls = try output(
        #"{"$file":"data","bytes":\#(count)},{"$file":"data","bytes":\#(count)}"#, of: simulator)
      let files = try urls.map { try get($0, of: simulator) }
      for file in files {
        #expect(file.status == 200 && file.isComplete && file.body.count == count)
        var checksum = CRC32C()
        checksum.update(file.body.span)
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: checksum.value >> (24 - 8 * $0)) }
        #expect(file.fields["x-goog-hash"] == "crc32c=" + Base64.encode(bytes))
      }
      if count > 8 {
        #expect(files[0].body != files[1].body && files[0].fields["etag"] != files[1].fields["etag"])
      }
      #expect(try get(urls[0], of: simulator).body == files[0].body)
      // Any two parts are the whole.
      for cut in [1, count / 2, count - 1, count - 32] where cut > 0 && cut < count {
        let (start, rest) = (
          try get(urls[0], ["Range: bytes=0-\(cut - 1)"], of: simulator),
          try get(urls[0], ["Range: bytes=\(cut)-"], of: simulator)
        )
        #expect(start.status == 206 && rest.status == 206 && start.body + rest.body == files[0].body)
      }
    }

    @Test func `a file of the model for data is 2 MB, or as many bytes as the input names`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      for (input, count) in [("{}", 2_000_000), (#"{"bytes":70000,"seed":1}"#, 70_000)] {
        let id = try simulator.create("demo/data", input: input)
        _ = try simulator.settled(created: input == "{}" ? 1 : 2)
        let url = try #require(try simulator.send("/v1/predictions/\(id)").json["output"] as? String)
        #expect(url.hasSuffix("/out-0.bin"))
        #expect(try get(url, of: simulator).body.count == count)
      }
      let bare = simulator.url + "/simulator/files/70000/"
      #expect(try get(bare + "a.bin", of: simulator).body.count == 70_000)
      #expect(try get(bare + "a.bin", of: simulator).body != get(bare + "b.bin", of: simulator).body)
      #expect(try statuses(bare + "c.bin?fault=busy&fault=cut&times=2", 3, of: simulator) == [503, 503, 200])
      #expect(try get(bare + "c.bin?fault=burst", of: simulator).status == 400)
      #expect(try get(simulator.url + "/simulator/files/-1/a", of: simulator).status == 404)
    }

    @Test func `a file has the name, type and content that its template names`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let urls = try output(
        ##"{"$file":"text","name":"a \" #?%ü.html","type":"text/html","content":"<b>"},"##
          + #"{"$data":"text","content":"a?"},{"$data":"data","bytes":3,"type":"a/b"},{"$file":"text"}"#,
        of: simulator)
      #expect(urls[0].hasSuffix("/a%20%22%20%23%3F%25%C3%BC.html"))
      let file = try get(urls[0], of: simulator)
      #expect(
        file.status == 200 && file.fields["content-type"] == "text/html" && file.body == Array("<b>".utf8))
      // RFC 1321: MD5, as Google Cloud Storage has it as the entity tag.
      guard var digest = RunningDigest(.md5) else { throw Unusable("MD5 is missing") }
      digest.update(file.body.span)
      #expect(file.fields["etag"] == "\"" + Hexadecimal.encode(digest.finish()) + "\"")
      #expect(urls[1] == "data:text/plain;charset=utf-8;base64,YT8=")
      #expect(urls[2].hasPrefix("data:a/b;base64,") && urls[2].count == 20)
      #expect(urls[3].hasSuffix("/out-3.txt"))
    }

    // MARK: faults

    @Test(arguments: [
      (#""busy""#, 1, [503, 200]), (#""missing","times":3"#, 3, [404, 404, 404, 200]),
      (#""denied""#, 1, [403, 200]), (#"["refused"]"#, 1, [400, 200]),
    ])
    func `the first requests fail, and the next ones do not`(
      _ fault: String, _ times: Int, _ expected: [Int]
    ) throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let urls = try output(
        #"{"$file":"data","bytes":5,"fault":\#(fault)},{"$file":"data","bytes":5}"#, of: simulator)
      #expect(try statuses(urls[0], expected.count, of: simulator) == expected)
      #expect(try get(urls[1], of: simulator).status == 200)
    }

    @Test func `a cut file can be continued, unless it changes or has no ranges`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let urls = try output(
        ["[\"cut\"]", "[\"cut\",\"changing\"]", "[\"cut\",\"no-range\"]", "[\"cut\",\"no-etag\"]"].map {
          #"{"$file":"data","bytes":100000,"fault":\#($0)}"#
        }.joined(separator: ","), of: simulator)
      var answers: [(first: Raw, second: Raw)] = []
      for url in urls {
        let first = try get(url, of: simulator)
        #expect(first.status == 200 && !first.isComplete && first.body.count == 50_000)
        let condition = first.fields["etag"].map { ["If-Range: \($0)"] } ?? []
        answers.append((first, try get(url, ["Range: bytes=50000-"] + condition, of: simulator)))
      }
      #expect(answers.map(\.second.status) == [206, 200, 200, 206])
      #expect(try answers[0].first.body + answers[0].second.body == get(urls[0], of: simulator).body)
      #expect(answers[1].second.fields["etag"] != answers[1].first.fields["etag"])
      #expect(answers[1].second.body.count == 100_000)
      #expect(!answers[1].second.body.starts(with: answers[1].first.body))
      #expect(try get(urls[1], of: simulator).body != answers[1].second.body)
      #expect(answers[2].second.isComplete && answers[2].second.fields["accept-ranges"] == nil)
      #expect(answers[3].first.fields["etag"] == nil)
      // The requests and the bytes are counted.
      let files = try #require(try simulator.settled(created: 1)[0]["files"] as? [String: Any])
      #expect(files["requests"] as? Int == 10 && files["with_token"] as? Int == 0)
      #expect(files["bytes"] as? Int == 4 * 50_000 + 2 * 50_000 + 4 * 100_000)
      _ = try get(urls[0], ["Authorization: Bearer r8_any"], of: simulator)
      let after = try #require(try simulator.settled(created: 1)[0]["files"] as? [String: Any])
      #expect(after["with_token"] as? Int == 1)
    }

    @Test func `a response deviates as its fault names`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let urls = try output(
        ["short", "chunked", "gzip", "checksum", "redirect", "redirects", "redirect-away"].map {
          #"{"$file":"text","content":"hello","fault":"\#($0)"}"#
        }.joined(separator: ","), of: simulator)
      let short = try get(urls[0], of: simulator)
      #expect(short.fields["content-length"] == "6" && short.body == Array("hello".utf8))
      let rest = try get(urls[0], ["Range: bytes=5-"], of: simulator)
      #expect(rest.status == 206 && rest.fields["content-range"] == "bytes 5-5/6" && rest.body.isEmpty)
      let chunked = try get(urls[1], of: simulator)
      #expect(
        chunked.fields["content-length"] == nil && chunked.body == Array("5\r\nhello\r\n0\r\n\r\n".utf8))
      let coded = try get(urls[2], of: simulator)
      #expect(coded.fields["content-encoding"] == "gzip")
      let folder = try TemporaryFolder()
      try Data(coded.body).write(to: folder.url.appendingPathComponent("a.gz"))
      #expect(
        try Program.run(["-c", folder.url.appendingPathComponent("a.gz").path], executable: "/usr/bin/zcat")
          .output
          == "hello")
      let (right, wrong) = (
        try get(urls[0], of: simulator).fields["x-goog-hash"],
        try get(urls[3], of: simulator).fields["x-goog-hash"]
      )
      #expect(right?.hasPrefix("md5=") == true && wrong?.hasPrefix("md5=") == true && right != wrong)
      var (url, hops): (String, [Int]) = (urls[4], [])
      for _ in 0..<2 {
        let answer = try get(url, of: simulator)
        hops.append(answer.status)
        url = answer.fields["location"] ?? url
      }
      #expect(hops == [302, 200])
      url = urls[5]
      for _ in 0..<5 {
        let answer = try get(url, of: simulator)
        #expect(answer.status == 302)
        url = try #require(answer.fields["location"])
      }
      #expect(try get(urls[6], of: simulator).fields["location"] == "https://example.com/out-0.png")
    }

    @Test func `a stalled file ends with its client`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let url = try output(#"{"$file":"data","bytes":1000,"fault":"stall"}"#, of: simulator)[0]
      let port = try #require(simulator.url.split(separator: ":").last.flatMap { Int($0) })
      let connection = try HTTPConnection(host: "127.0.0.1", port: port, timeoutSeconds: 1)
      try connection.send("GET \(url.replacing(simulator.url, with: "")) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      // Nothing ends the connection before the client's own timeout does.
      #expect(connection.receiveAll().count > 500)
      connection.finishSending()
      connection.waitForEnd()
      #expect(try get(url, of: simulator).isComplete)
    }

    @Test func `a part of all requests for files fails`() throws {
      let simulator = try SimulatorProcess(["--duration", "0s", "--file-errors", "0.5", "--seed", "3"])
      let url = try output(#"{"$file":"data","bytes":100000}"#, of: simulator)[0]
      var seen: Set<String> = []
      for _ in 0..<60 {
        let answer = try get(url, of: simulator)
        seen.insert(answer.status == 200 ? (answer.isComplete ? "whole" : "cut") : "\(answer.status)")
      }
      #expect(seen == ["whole", "cut", "404", "503"])
      let other = try SimulatorProcess(["--duration", "0s"])
      let whole = try output(#"{"$file":"data","bytes":100000}"#, of: other)[0]
      #expect(try (0..<20).allSatisfy { _ in try get(whole, of: other).isComplete })
    }

    @Test(arguments: [
      (#"{"$file":"data","bytes":-1}"#, "`bytes` must be from 0"),
      (#"{"$file":"image","bytes":1}"#, "of the kind data"),
      (#"{"$data":"data","bytes":9000000}"#, "from 0 to 8388608"),
      (#"{"$file":"data","fault":"burst"}"#, "busy, missing"),
      (#"{"$file":"data","fault":["cut",1]}"#, "busy, missing"),
      (#"{"$file":"data","times":0}"#, "from 1 to"), (#"{"$file":"data","name":"a/b"}"#, "without slashes"),
      (#"{"$file":"data","name":".."}"#, "without slashes"), (#"{"$file":"data","type":1}"#, "a string"),
      (#"{"$file":"data","size":1}"#, "bytes, name, type"), (#"{"$data":"text","fault":"cut"}"#, "left out"),
      (#"{"$file":"picture","bytes":1}"#, "unknown kind"),
    ])
    func `a wrong template is rejected, and the message has the remedy`(
      _ template: String, _ message: String
    ) throws {
      let simulator = try SimulatorProcess()
      let answer = try simulator.send(
        "/v1/models/demo/hello/predictions", body: #"{"input":{"simulate":{"output":\#(template)}}}"#)
      #expect(answer.status == 422 && answer.text.contains(message), "\(answer.text)")
    }
  }
}
