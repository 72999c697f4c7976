import Foundation
import LiveDaemon
import Testing

extension FleetTests {
  /// What an app is shown to do with notifications: in the README, and in `deploy/examples`.
  @Suite struct NotificationTests {
    private static let secret = "whsec_bm90aWZpY2F0aW9ucy1hcmUtc2lnbmVkLWhlcmU="
    private static let python = ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"]
    private static let node = ["/usr/bin/node", "/usr/local/bin/node"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The first sample of the README that has `text`.
    private static func sample(_ language: String, with text: String) throws -> String {
      let url = Program.root.appendingPathComponent("README.md")
      let blocks = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "```\(language)\n")
      let samples = blocks.dropFirst().map { $0.components(separatedBy: "```")[0] }
      guard let sample = samples.first(where: { $0.contains(text) }) else {
        throw Unusable("the README has no sample with \(text)")
      }
      return sample
    }

    private static func send(
      _ method: String, _ path: String, to port: Int, _ fields: [String] = [], body: [UInt8] = []
    ) throws -> HTTPAnswer {
      let connection = try HTTPConnection(host: "127.0.0.1", port: port)
      let lines = ["\(method) \(path) HTTP/1.1", "Host: localhost", "Content-Length: \(body.count)"] + fields
      try connection.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
      return try connection.receive()
    }

    private static func object(_ answer: HTTPAnswer) throws -> [String: String] {
      let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
      return object.compactMapValues { $0 as? String }
    }

    // MARK: Handlers of callbacks

    private static func check(_ app: Helper, on port: Int) throws {
      let body = Array(#"{"type":"job.succeeded","timestamp":"2026","data":{"id":"lamp-1"}}"#.utf8)
      let signed = try SignedDelivery(id: "msg_1", body: body, secret: secret)
      let accepted = try send("POST", "/hook", to: port, signed.fields, body: body)
      #expect(accepted.status == 204)
      try app.waitForOutput("job.succeeded lamp-1")
      let forged = try SignedDelivery(id: "msg_1", body: body, secret: Daemon.secret)
      let late = try SignedDelivery(id: "msg_1", body: body, secret: secret, age: 3600)
      for fields in [forged.fields, late.fields, ["Content-Type: application/json"]] {
        #expect(try send("POST", "/hook", to: port, fields, body: body).status == 401)
      }
      #expect(try send("POST", "/hook", to: port, signed.fields, body: body + [0x20]).status == 401)
    }

    @Test(.enabled(if: python != nil, "OFFICIAL_LIBRARIES_PYTHON is not set"))
    func `the Python handler accepts what is signed, and nothing else`() throws {
      let port = try FreePorts.choose(1)[0]
      let app = try Helper(
        [try #require(Self.python), "-m", "uvicorn", "hook:app", "--port", "\(port)"],
        environment: ["CALLBACK_SECRET": Self.secret],
        files: ["hook.py": try Self.sample("python", with: "FastAPI")], port: port)
      try Self.check(app, on: port)
    }

    @Test(.enabled(if: node != nil, "there is no node"))
    func `the JavaScript handler accepts what is signed, and nothing else`() throws {
      let port = try FreePorts.choose(1)[0]
      let sample = try Self.sample("js", with: "createServer").replacing("3000", with: "\(port)")
      let app = try Helper(
        [try #require(Self.node), "hook.mjs"], environment: ["CALLBACK_SECRET": Self.secret],
        files: ["hook.mjs": sample], port: port)
      try Self.check(app, on: port)
    }

    // MARK: Pages

    private static let origin = "http://localhost:3000"

    /// Enough of a browser's `EventSource` for the sample: fields, events, and no reconnecting.
    private static let eventSource = """
      const url = process.env.URL, token = process.env.TOKEN, progress = { value: -1 };
      class EventSource {
        constructor(url) { this.listeners = {}; this.run(url); }
        addEventListener(type, listener) { this.listeners[type] = listener; }
        async run(url) {
          const headers = { Accept: "text/event-stream", Origin: process.env.ORIGIN };
          const answer = await fetch(url, { headers });
          if (answer.headers.get("access-control-allow-origin") !== process.env.ORIGIN) throw Error("CORS");
          let text = "";
          for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
            text += piece;
            const events = text.split("\\n\\n");
            text = events.pop();
            for (const event of events) {
              const fields = Object.fromEntries(event.split("\\n").map((line) => line.split(/: ?(.*)/s)));
              this.listeners[fields.event]?.({ data: fields.data });
            }
          }
          console.log("progress", progress.value);
        }
      }

      """

    @Test(.enabled(if: node != nil, "there is no node"))
    func `the sample of a page follows its job to its end`() throws {
      let station = try Station(["--duration", "1s"], ["BROWSER_ORIGINS": Self.origin])
      let id = try station.submit(#"{"id":"lamp-1","model":"demo/hello","input":{"prompt":"a lamp"}}"#)
      let access = try Caller(station.apiPort).post("/jobs/\(id)/tokens", "{}").object
      let page = try Helper(
        [try #require(Self.node), "page.mjs"],
        environment: [
          "URL": try #require(access["url"] as? String), "TOKEN": try #require(access["token"] as? String),
          "ORIGIN": Self.origin,
        ], files: ["page.mjs": Self.eventSource + (try Self.sample("js", with: "EventSource"))])
      try page.waitForOutput("progress 1")
    }

    // MARK: The example

    @Test(.enabled(if: python != nil, "OFFICIAL_LIBRARIES_PYTHON is not set"))
    func `the example app shows each user their own jobs, and learns of the end`() throws {
      let port = try FreePorts.choose(1)[0]
      let station = try Station(
        ["--duration", "1s"],
        [
          "BROWSER_ORIGINS": Self.origin, "CALLBACK_URL": "http://127.0.0.1:\(port)/hook",
          "CALLBACK_SECRET": Self.secret,
        ])
      let folder = Program.root.appendingPathComponent("deploy/examples").path
      let app = try Helper(
        [
          try #require(Self.python), "-m", "uvicorn", "app:app", "--app-dir", folder, "--port", "\(port)",
        ],
        environment: [
          "CALLBACK_SECRET": Self.secret, "JOBS_API": "http://127.0.0.2:\(station.apiPort)",
          "PYTHONDONTWRITEBYTECODE": "1",
        ], port: port)
      let page = try Self.send("GET", "/", to: port)
      #expect(page.status == 200 && page.text.contains("new EventSource("))
      let cookie = try #require(page.fields["set-cookie"]?.split(separator: ";").first)
      let made = try Self.object(
        try Self.send(
          "POST", "/jobs", to: port, ["Cookie: \(cookie)", "Content-Type: application/json"],
          body: Array(#"{"prompt":"a desk lamp"}"#.utf8)))
      let (id, url, token) = (
        try #require(made["id"]), try #require(made["url"]), try #require(made["token"])
      )
      // As a browser does it, through the address that receives webhooks.
      let curl = try Program.run(
        ["-sSN", "-H", "Origin: \(Self.origin)", "-D-", "\(url)/events?token=\(token)"],
        executable: "/usr/bin/curl")
      #expect(
        curl.status == 0 && curl.output.lowercased().contains("access-control-allow-origin: \(Self.origin)"))
      #expect(curl.output.contains(#""state":"succeeded""#) && !curl.output.contains("metadata"))
      try app.waitForOutput(#""POST /hook HTTP/1.1" 204"#)
      let mine = try Self.send("GET", "/jobs", to: port, ["Cookie: \(cookie)"])
      #expect(mine.status == 200 && mine.text.contains(#""id":"\#(id)""#))
      let other = try Self.send("GET", "/jobs", to: port, ["Cookie: user=somebody-else"])
      #expect(other.status == 200 && other.text == "[]")
    }
  }
}
