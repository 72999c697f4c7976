import Foundation
import LiveDaemon
import Testing

extension SimulatorProcessTests {
  /// Files, trainings, streams and secrets of the running simulator.
  @Suite struct FileProcessTests {
    private static let token = "Authorization: Bearer r8_any"

    /// - Returns: the status, the fields and the body.
    private func send(
      _ method: String, _ path: String, to simulator: SimulatorProcess, _ fields: [String] = [token],
      _ body: [UInt8] = []
    ) throws -> HTTPAnswer {
      let port = try #require(simulator.url.split(separator: ":").last.flatMap { Int($0) })
      let connection = try HTTPConnection(host: "127.0.0.1", port: port)
      let head = ["\(method) \(path) HTTP/1.1", "Host: a", "Content-Length: \(body.count)"] + fields
      try connection.send(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
      return try connection.receive()
    }

    private func object(_ answer: HTTPAnswer) throws -> [String: Any] {
      try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any], "\(answer.text)")
    }

    private func upload(_ content: String, to simulator: SimulatorProcess) throws -> HTTPAnswer {
      let body =
        "--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"lamp.png\"\r\n"
        + "Content-Type: image/png\r\n\r\n\(content)\r\n"
        + "--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\": 1.50}\r\n--b--\r\n"
      return try send(
        "POST", "/v1/files", to: simulator,
        [Self.token, "Content-Type: multipart/form-data; boundary=b"], Array(body.utf8))
    }

    @Test func fileIsUploadedReadListedAndDeleted() throws {
      let simulator = try SimulatorProcess()
      let created = try upload("\u{0}lamp\r\n", to: simulator)
      #expect(created.status == 201 && created.text.contains(#""metadata":{"a": 1.50}"#))
      let file = try object(created)
      let id = try #require(file["id"] as? String)
      #expect(file["name"] as? String == "lamp.png" && file["content_type"] as? String == "image/png")
      #expect(file["size"] as? Int == 7)
      #expect(try send("GET", "/v1/files/\(id)", to: simulator).text == created.text)
      let urls = try #require(file["urls"] as? [String: String])
      #expect(urls["get"] == simulator.url + "/v1/files/\(id)")
      let download = try #require(urls["download"])
      #expect(download.hasPrefix(simulator.url + "/v1/files/\(id)/download?"))
      let bytes = try simulator.fetch(download, [])
      #expect(bytes.text == "\u{0}lamp\r\n" && bytes.fields["content-type"] == "image/png")
      let part = try simulator.fetch(download, ["Range: bytes=1-4"])
      #expect(part.status == 206 && part.text == "lamp")
      let list = try object(send("GET", "/files/", to: simulator))
      #expect((list["results"] as? [[String: Any]])?.compactMap { $0["id"] as? String } == [id])
      #expect(try send("GET", "/v1/files", to: simulator, []).status == 401)
      #expect(try send("DELETE", "/v1/files/\(id)", to: simulator).status == 204)
      for method in ["GET", "DELETE"] {
        #expect(try send(method, "/v1/files/\(id)", to: simulator).status == 404)
      }
      #expect(try simulator.fetch(download, []).status == 404)
    }

    /// The URL names its owner and its expiry, and opens this file alone.
    @Test func downloadNeedsItsSignatureAndNoToken() throws {
      let simulator = try SimulatorProcess()
      let (first, second) = (
        try object(upload("one", to: simulator)), try object(upload("two", to: simulator))
      )
      let urls = try #require(first["urls"] as? [String: String])
      let download = try #require(urls["download"])
      #expect(try simulator.fetch(download, []).text == "one")
      let query = try #require(download.split(separator: "?").last)
      #expect(query.contains("owner=simulator") && query.contains("&signature="))
      let expiry = try #require(
        query.split(separator: "&").first?.split(separator: "=").last.flatMap { Int64($0) })
      #expect((86_000...86_400).contains(expiry - Int64(Date().timeIntervalSince1970)))
      let other = try #require((second["urls"] as? [String: String])?["get"])
      for wrong in [
        "\(other)/download?\(query)", String(download.split(separator: "?")[0]),
        download.replacing("owner=simulator", with: "owner=other"),
        download.replacing("\(expiry)", with: "\(expiry + 1)"), download.replacing("\(expiry)", with: "1"),
        String(download.dropLast(4)), download.replacing("signature=", with: "signature=A"),
      ] {
        #expect(try simulator.fetch(wrong, [Self.token]).status == 403, "\(wrong)")
      }
    }

    @Test func inputNamesAnUpload() throws {
      let simulator = try SimulatorProcess(["--duration", "0s"])
      let file = try object(upload("one", to: simulator))
      let url = try #require((file["urls"] as? [String: String])?["get"])
      let id = try simulator.create(
        "demo/hello", input: #"{"image":"\#(url)","simulate":{"output":{"$input":"image"}}}"#)
      _ = try simulator.settled(created: 1)
      #expect(try simulator.send("/v1/predictions/\(id)").json["output"] as? String == url)
    }

    @Test func rejectsUploadWithoutFile() throws {
      let simulator = try SimulatorProcess()
      let form = [Self.token, "Content-Type: multipart/form-data; boundary=b"]
      #expect(try send("POST", "/v1/files", to: simulator, form, Array("x".utf8)).status == 400)
      #expect(try send("POST", "/v1/files", to: simulator, form, Array("--b--".utf8)).status == 422)
      #expect(try send("POST", "/v1/files", to: simulator, [Self.token], Array("{}".utf8)).status == 400)
      let metadata =
        "--b\r\nContent-Disposition: form-data; name=content\r\n\r\nx\r\n"
        + "--b\r\nContent-Disposition: form-data; name=metadata\r\n\r\n[]\r\n--b--"
      #expect(try send("POST", "/v1/files", to: simulator, form, Array(metadata.utf8)).status == 422)
      let large = metadata.replacing("[]", with: #"{"a":"\#(String(repeating: "x", count: 20_000))"}"#)
      #expect(try send("POST", "/v1/files", to: simulator, form, Array(large.utf8)).status == 422)
      let name = metadata.replacing("[]", with: "{}")
        .replacing("name=content", with: "name=content; filename=\(String(repeating: "n", count: 300))")
      #expect(try send("POST", "/v1/files", to: simulator, form, Array(name.utf8)).status == 422)
    }

    /// A declared length above the limit is rejected before the body. Other routes have a smaller limit.
    @Test func rejectsLargeBodiesUnread() throws {
      let simulator = try SimulatorProcess()
      let port = try #require(simulator.url.split(separator: ":").last.flatMap { Int($0) })
      for (path, length) in [("/v1/files", 101_000_000), ("/v1/predictions", 20_000_000)] {
        let connection = try HTTPConnection(host: "127.0.0.1", port: port)
        try connection.send(
          Array("POST \(path) HTTP/1.1\r\nHost: a\r\n\(Self.token)\r\nContent-Length: \(length)\r\n\r\n".utf8)
        )
        let answer = try connection.receive()
        #expect(answer.status == 413)
        if path == "/v1/files" { #expect(answer.text.contains("Files must be less than 100MB in size")) }
      }
    }

    @Test func trainingCreatesVersionOfDestination() throws {
      let simulator = try SimulatorProcess(["--duration", "300ms"])
      let receiver = try WebhookReceiver()
      let version = String(repeating: "a", count: 64)
      let path = "/v1/models/demo/hello/versions/\(version)/trainings"
      let created = try simulator.send(
        path,
        body: #"{"destination":"me/lamp","input":{"steps":3},"webhook":"\#(receiver.url)","#
          + #""webhook_events_filter":["completed"]}"#)
      #expect(created.status == 201)
      let id = try #require(created.json["id"] as? String)
      let urls = try #require(created.json["urls"] as? [String: String])
      #expect(urls["get"] == simulator.url + "/v1/trainings/\(id)" && urls["web"] == nil)
      _ = try simulator.settled(created: 1)
      let ended = try simulator.send("/v1/trainings/\(id)").json
      let output = try #require(ended["output"] as? [String: String])
      #expect(output["version"]?.hasPrefix("me/lamp:") == true && output["version"]?.utf8.count == 72)
      #expect(output["weights"]?.hasSuffix("/trained_model.tar") == true)
      #expect(ended["model"] as? String == "demo/hello" && ended["version"] as? String == version)
      #expect(receiver.received.map(\.status) == ["succeeded"])
      #expect(receiver.received.first?.json["output"] as? [String: String] == output)
      // A route finds only its own kind.
      #expect(try simulator.send("/v1/predictions/\(id)").status == 404)
      #expect(try simulator.send("/v1/predictions/\(id)/cancel", body: "").status == 404)
      let prediction = try simulator.create("demo/hello")
      #expect(try simulator.send("/v1/trainings/\(prediction)").status == 404)
      for (kind, expected) in [("trainings", id), ("predictions", prediction)] {
        let list = try simulator.send("/\(kind)").json["results"] as? [[String: Any]]
        #expect(list?.compactMap { $0["id"] as? String } == [expected])
      }
    }

    @Test func trainingIsCanceled() throws {
      let simulator = try SimulatorProcess(["--duration", "1h"])
      let version = String(repeating: "a", count: 64)
      let path = "/v1/models/demo/hello/versions/\(version)/trainings"
      let created = try simulator.send(path, body: #"{"destination":"me/lamp","input":{}}"#).json
      let id = try #require(created["id"] as? String)
      let canceled = try simulator.send("/v1/trainings/\(id)/cancel", body: "").json
      #expect(canceled["status"] as? String == "canceled")
    }

    @Test(arguments: [
      (#"{"input":{}}"#, 422), (#"{"input":{},"destination":"lamp"}"#, 422),
      (#"{"input":{},"destination":"missing/lamp"}"#, 404), (#"{"destination":"me/lamp"}"#, 422),
      (#"{"destination":"me/lamp","input":{},"version":"x"}"#, 422),
    ])
    func rejectsInvalidTrainings(_ body: String, _ status: Int) throws {
      let simulator = try SimulatorProcess()
      let path = "/v1/models/demo/hello/versions/\(String(repeating: "a", count: 64))/trainings"
      #expect(try simulator.send(path, body: body).status == status)
    }

    /// The URL is a capability; the id alone does not suffice.
    @Test func streamNeedsItsURLAndNoToken() throws {
      let simulator = try SimulatorProcess(["--duration", "100ms"])
      let id = try simulator.create("demo/tokens")
      let urls = try #require(try simulator.send("/v1/predictions/\(id)").json["urls"] as? [String: String])
      let stream = try #require(urls["stream"])
      #expect(!stream.contains(id))
      #expect(stream.split(separator: "/").last?.utf8.count == 48)
      let events = try simulator.send(stream, fields: [])
      #expect(events.status == 200 && events.text.contains("event: done"))
      #expect(try simulator.send("/v1/streams/\(id)", fields: []).status == 404)
      #expect(try simulator.send("/v1/predictions/\(id)", fields: []).status == 401)
    }

    /// The daemon's setting: with the same environment, both use the same secret.
    @Test func environmentSetsSecret() throws {
      let simulator = try SimulatorProcess(
        environment: ["REPLICATE_WEBHOOK_SECRET": "\(SimulatorProcess.secret) whsec_AAAAAAAAAAAAAAAAAAAAAAAA"]
      )
      let shown = try simulator.send("/v1/webhooks/default/secret").json
      #expect(shown["key"] as? String == SimulatorProcess.secret)
      let receiver = try WebhookReceiver()
      _ = try simulator.create("demo/instant", webhook: receiver.url, events: #""completed""#)
      _ = try simulator.settled(created: 1)
      #expect(receiver.received.map(\.isSigned) == [true])
    }

    @Test(arguments: ["/v1", ""])
    func versionPrefixOfPathsIsOptional(_ prefix: String) throws {
      let simulator = try SimulatorProcess()
      for path in ["/predictions", "/account", "/models/demo/hello", "/webhooks/default/secret"] {
        #expect(try simulator.send(prefix + path).status == 200)
      }
    }
  }
}
