import Foundation
import LiveDaemon
import Testing

extension SimulatorProcessTests {
  /// The files of outputs, which the running simulator makes and serves.
  @Suite struct OutputProcessTests {
    /// - Returns: the output of a prediction that has ended.
    private func output(
      _ model: String, _ input: String = "{}", of simulator: SimulatorProcess
    ) throws -> Any? {
      let id = try simulator.create(model, input: input)
      var prediction: [String: Any] = [:]
      try wait("the prediction ends") {
        prediction = try simulator.send("/v1/predictions/\(id)").json
        return prediction["completed_at"] is String
      }
      return prediction["output"]
    }

    private func file(_ model: String, _ input: String, of simulator: SimulatorProcess) throws -> [UInt8] {
      let output = try output(model, input, of: simulator)
      let url = try #require(output as? String ?? (output as? [String])?.first)
      let answer = try simulator.fetch(url, [])
      try #require(answer.status == 200, "\(answer.text)")
      return answer.body
    }

    /// Reads each kind with Python's own library, which shares no code with the simulator.
    private static let checks = """
      import io, struct, sys, tarfile, wave, xml.etree.ElementTree, zlib
      kind, data = sys.argv[1], sys.stdin.buffer.read()
      def png(data):
          assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n"
          position, pixels, width, height = 8, b"", 0, 0
          while position < len(data):
              length, = struct.unpack(">I", data[position:position + 4])
              chunk = data[position + 4:position + 8 + length]
              check, = struct.unpack(">I", data[position + 8 + length:position + 12 + length])
              assert zlib.crc32(chunk) == check
              if chunk[:4] == b"IHDR":
                  width, height, *rest = struct.unpack(">IIBBBBB", chunk[4:])
                  assert rest == [8, 2, 0, 0, 0]
              if chunk[:4] == b"IDAT": pixels += chunk[4:]
              position += 12 + length
          pixels = zlib.decompress(pixels)
          rows = [pixels[start:start + 1 + 3 * width] for start in range(0, len(pixels), 1 + 3 * width)]
          assert len(rows) == height and all(len(row) == 1 + 3 * width and row[0] == 0 for row in rows)
          colours = {row[i:i + 3] for row in rows for i in range(1, len(row), 3)}
          print("png", width, height, len(colours) > 50)
      if kind == "png": png(data)
      elif kind == "wav":
          sound = wave.open(io.BytesIO(data))
          print("wav", sound.getnchannels(), sound.getsampwidth(), sound.getframerate(), sound.getnframes())
          samples = sound.readframes(sound.getnframes())
          assert max(struct.unpack("<%dh" % (len(samples) // 2), samples)) > 5000
      elif kind == "mp4":
          def boxes(data):
              found, position = {}, 0
              while position < len(data):
                  length, name = struct.unpack(">I4s", data[position:position + 8])
                  assert 8 <= length <= len(data) - position
                  found[name.decode()] = (position + 8, data[position + 8:position + length])
                  position += length
              return found
          top = boxes(data)
          assert list(top) == ["ftyp", "moov", "mdat"]
          track = boxes(boxes(top["moov"][1])["trak"][1])
          width, height = struct.unpack(">II", track["tkhd"][1][-8:])
          media = boxes(track["mdia"][1])
          table = boxes(boxes(media["minf"][1])["stbl"][1])
          sizes = table["stsz"][1][12:]
          sizes = struct.unpack(">%dI" % (len(sizes) // 4), sizes)
          offset, = struct.unpack(">I", table["stco"][1][8:])
          assert offset == top["mdat"][0] and sum(sizes) == len(top["mdat"][1])
          kinds = []
          for size in sizes:
              length, kind = struct.unpack(">IB", data[offset:offset + 5])
              assert length == size - 4
              kinds.append(kind & 31)
              offset += size
          assert kinds == [5] + [1] * (len(sizes) - 1) and max(sizes) == sizes[0] > 16 * 9 * 384
          print("mp4", width >> 16, height >> 16, len(sizes))
      elif kind == "svg": print(xml.etree.ElementTree.fromstring(data).tag)
      elif kind == "tar":
          archive = tarfile.open(fileobj=io.BytesIO(data))
          print(archive.getnames(), archive.extractfile("weights.txt").read().decode().split("\\n")[0])
      """

    private func read(_ kind: String, _ data: [UInt8]) throws -> String {
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("output-\(UUID().uuidString)")
      try Data(data).write(to: file)
      defer { try? FileManager.default.removeItem(at: file) }
      let result = try Program.run(
        ["-c", "/usr/bin/python3 -c \"$0\" \"$1\" < \"$2\"", Self.checks, kind, file.path],
        executable: "/bin/bash")
      return result.output + result.error
    }

    @Test func filesAreWhatTheirTypesClaim() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let prompt = #"{"prompt":"a <lamp> & more","width":300,"height":200}"#
      for (model, kind, type, expected) in [
        ("demo/hello", "png", "image/png", "png 300 200 True\n"),
        ("demo/audio", "wav", "audio/wav", "wav 1 2 16000 32000\n"),
        ("demo/video", "mp4", "video/mp4", "mp4 256 144 16\n"),
        ("demo/svg", "svg", "image/svg+xml", "{http://www.w3.org/2000/svg}svg\n"),
      ] {
        let output = try output(model, prompt, of: simulator)
        let url = try #require(output as? String ?? (output as? [String])?.first)
        #expect(url.hasPrefix(simulator.url + "/xezq/") && url.hasSuffix("/out-0.\(kind)"))
        let answer = try simulator.fetch(url, [])
        #expect(answer.status == 200 && answer.fields["content-type"] == type)
        #expect(answer.body.count < 300_000)
        #expect(try read(kind, answer.body) == expected)
      }
      let text = String(decoding: try file("demo/document", prompt, of: simulator), as: UTF8.self)
      #expect(text.hasPrefix("a <lamp> & more\n"))
      let named = try #require(try output("demo/object", prompt, of: simulator) as? [String: String])
      for name in ["image", "mask"] {
        let answer = try simulator.fetch(try #require(named[name]), [])
        #expect(try read("png", answer.body).hasPrefix("png 300 200"))
      }
      #expect(try (output("demo/image", #"{"num_outputs":3}"#, of: simulator) as? [String])?.count == 3)
      #expect(try (output("demo/image", #"{"num_outputs":99}"#, of: simulator) as? [String])?.count == 4)
    }

    /// A real picture's default size, and the bounds of a requested one.
    @Test(arguments: [("{}", "512 512"), (#"{"width":1,"height":99999}"#, "64 1024")])
    func pictureHasBoundedSize(_ input: String, _ size: String) throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      #expect(try read("png", file("demo/hello", input, of: simulator)).hasPrefix("png \(size) "))
    }

    @Test func sameInputMakesTheSameFile() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let small = #""width":64,"height":64"#
      for model in ["demo/hello", "demo/audio", "demo/svg"] {
        let first = try file(model, #"{"prompt":"a fox","seed":7,\#(small)}"#, of: simulator)
        #expect(try file(model, #"{"seed":7,"prompt":"a fox",\#(small)}"#, of: simulator) == first)
        #expect(try file(model, #"{"prompt":"a fox","seed":8,\#(small)}"#, of: simulator) != first)
        #expect(try file(model, #"{"prompt":"a cat","seed":7,\#(small)}"#, of: simulator) != first)
        // Without a seed each prediction gets its own.
        #expect(
          try file(model, #"{"prompt":"a fox",\#(small)}"#, of: simulator)
            != file(model, #"{"prompt":"a fox",\#(small)}"#, of: simulator))
      }
      let urls = try #require(
        try output("demo/image", #"{"num_outputs":2,\#(small)}"#, of: simulator) as? [String])
      #expect(try simulator.fetch(urls[0], []).body != simulator.fetch(urls[1], []).body)
      // Another run too: nothing depends on the process.
      let other = try SimulatorProcess(["--duration", "0s"])
      let input = #"{"prompt":"a fox","seed":7,\#(small)}"#
      #expect(try file("demo/hello", input, of: other) == file("demo/hello", input, of: simulator))
    }

    @Test func conditionalAndRangeRequestsAreAnswered() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let url = try #require(try output("demo/audio", of: simulator) as? String)
      let whole = try simulator.fetch(url, [])
      let (size, bytes) = (whole.body.count, whole.body)
      let tag = try #require(whole.fields["etag"])
      let date = try #require(whole.fields["last-modified"])
      #expect(whole.fields["content-length"] == "\(size)" && whole.fields["accept-ranges"] == "bytes")
      #expect(whole.fields["cache-control"] == "public,max-age=3600")
      #expect(whole.fields["access-control-allow-origin"] == "*")
      #expect(date.hasSuffix(" GMT") && tag.hasPrefix("\"") && tag.utf8.count == 34)
      func part(_ range: Range<Int>) -> (Int, [UInt8], String?) {
        (206, Array(bytes[range]), "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
      }
      let everything: (Int, [UInt8], String?) = (200, bytes, nil)
      let nothing: (Int, [UInt8], String?) = (416, [], "bytes */\(size)")
      for (fields, expected) in [
        (["Range: bytes=0-9"], part(0..<10)), (["Range: bytes=100-"], part(100..<size)),
        (["Range: bytes=-7"], part(size - 7..<size)), (["Range: bytes=-999999999"], part(0..<size)),
        (["Range: BYTES=\(size - 1)-999999999999999999"], part(size - 1..<size)),
        (["Range: bytes=\(size)-"], nothing), (["Range: bytes=-0"], nothing),
        (["Range: bytes=9-0"], everything), (["Range: bytes=0-1,4-5"], everything),
        (["Range: bytes=a-b"], everything), (["Range: bytes=-"], everything),
        (["Range: items=0-9"], everything),
        (["Range: bytes=99999999999999999999-"], everything),
        (["Range: bytes=0-9", "Range: bytes=1-2"], everything),
        (["Range: bytes=0-9", "If-Range: \(tag)"], part(0..<10)),
        (["Range: bytes=0-9", "If-Range: \(date)"], part(0..<10)),
        (["Range: bytes=0-9", "If-Range: \"other\""], everything),
        (["If-None-Match: \(tag)"], (304, [], nil)), (["If-None-Match: \"x\", W/\(tag)"], (304, [], nil)),
        (["If-None-Match: *"], (304, [], nil)), (["If-None-Match: \"x\""], everything),
        (["If-Modified-Since: \(date)"], (304, [], nil)),
        (["If-Modified-Since: \(date)", "If-None-Match: \"x\""], everything),
      ] {
        let answer = try simulator.fetch(url, fields)
        #expect(answer.status == expected.0, "\(fields)")
        #expect(answer.body == expected.1 && answer.fields["content-range"] == expected.2, "\(fields)")
        #expect(answer.fields["etag"] == tag)
      }
      let head = try simulator.fetch(url, ["Range: bytes=0-9"], method: "HEAD")
      #expect(head.status == 200 && head.body.isEmpty && head.fields["content-length"] == "\(size)")
      #expect(try simulator.fetch(url, [], method: "POST").status == 405)
    }

    @Test func filesAreThereFromTheEndUntilTheirLifetimeIsOver() throws {
      let simulator = try SimulatorProcess(["--duration", "400ms", "--output-lifetime", "1500ms"])
      let receiver = try WebhookReceiver()
      let id = try simulator.create("demo/hello", webhook: receiver.url, events: #""completed""#)
      _ = try simulator.settled(created: 1)
      let webhook = try #require(receiver.received.first)
      let address = try #require((webhook.json["output"] as? [String])?.first)
      #expect(try simulator.fetch(address, []).status == 200)
      for wrong in [
        address + "x", address.replacing("out-0", with: "out-1"),
        address.replacing("/xezq/", with: "/xezq/a"),
      ] {
        #expect(try simulator.fetch(wrong, []).status == 404)
      }
      #expect(!address.contains(id))
      try wait("the file is gone") { try simulator.fetch(address, []).status == 404 }
      let prediction = try simulator.send("/v1/predictions/\(id)").json
      #expect(prediction["output"] is NSNull && prediction["data_removed"] as? Bool == true)
      #expect(prediction["status"] as? String == "succeeded" && prediction["logs"] as? String == "")
    }

    @Test func outputBaseIsThatOfTheFiles() throws {
      let simulator = try SimulatorProcess(
        ["--duration", "0s", "--output-base", "https://replicate.delivery/"])
      let urls = try #require(try output("demo/hello", of: simulator) as? [String])
      #expect(urls.count == 1 && urls[0].hasPrefix("https://replicate.delivery/xezq/"))
    }

    /// Failures of the API are no failures of the files.
    @Test func filesAreNotPartOfTheAPI() throws {
      let token = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
      try Data("r8_any\n".utf8).write(to: token)
      defer { try? FileManager.default.removeItem(at: token) }
      let simulator = try SimulatorProcess(["--duration", "0s", "--api-token-file", token.path])
      let url = try #require(try output("demo/svg", of: simulator) as? String)
      #expect(try simulator.fetch(url, []).status == 200)
      #expect(try simulator.fetch(url, ["Authorization: Bearer wrong"]).status == 200)
    }
  }
}

extension SimulatorProcess {
  /// Sends one request with exactly these fields.
  func fetch(
    _ address: String, _ fields: [String], method: String = "GET", body: [UInt8] = []
  ) throws -> HTTPAnswer {
    let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
    let path = address.hasPrefix(url) ? String(address.dropFirst(url.count)) : address
    let connection = try HTTPConnection(host: "127.0.0.1", port: port)
    let head = ["\(method) \(path) HTTP/1.1", "Host: a", "Content-Length: \(body.count)"] + fields
    try connection.send(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
    return try connection.receive(isHead: method == "HEAD")
  }
}
