import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// Answers of the provider's API that would send the daemon's token elsewhere.
  @Suite struct HostileProviderTests {
    private static let redirects = [301, 302, 303, 307, 308]

    /// An API that redirects to a second port, which records requests.
    private static let script = #"""
      import http.server, json, sys, threading
      folder = sys.argv[1]
      def note(name, line):
          with open(f"{folder}/{name}", "a") as file:
              file.write(line + "\n")
      class Trap(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              note("trap", f"{self.requestline} {self.headers.get('Authorization')}")
              self.send_error(404)
          do_POST = do_GET
          def log_message(self, *words): pass
      trap = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap)
      elsewhere = f"http://127.0.0.1:{trap.server_port}"
      class API(Trap):
          def do_GET(self):
              self.rfile.read(int(self.headers.get("Content-Length") or 0))
              note("api", self.requestline)
              parts = self.path.split("/")
              if len(parts) > 4 and parts[4].isdigit() and parts[4] != "201":
                  return self.answer(int(parts[4]), {"detail": "elsewhere"})
              if self.path.endswith("/cancel"):
                  return self.answer(307, {"detail": "elsewhere"})
              if self.path.startswith("/v1/predictions/"):
                  return self.answer(302, {"detail": "elsewhere"})
              urls = {name: f"{elsewhere}/{name}" for name in ("get", "cancel", "stream", "web")}
              self.answer(201, {"id": "p1", "status": "starting", "urls": urls, "next": elsewhere})
          do_POST = do_GET
          def answer(self, status, document):
              body = json.dumps(document).encode()
              self.send_response(status)
              for name, value in (("Location", elsewhere + self.path), ("Refresh", f"0; url={elsewhere}"),
                                  ("Link", f"<{elsewhere}>; rel=next"), ("Alt-Svc", f'h2="{elsewhere[7:]}"'),
                                  ("Content-Length", str(len(body)))):
                  self.send_header(name, value)
              self.end_headers()
              self.wfile.write(body)
      api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), API)
      threading.Thread(target=trap.serve_forever, daemon=True).start()
      note("port", str(api.server_port))
      api.serve_forever()
      """#

    @Test func noAnswerLeadsElsewhere() throws {
      let folder = try TemporaryFolder()
      for name in ["trap", "api", "port"] { _ = try folder.write("", to: name) }
      func text(_ name: String) throws -> String {
        try String(contentsOf: folder.url.appendingPathComponent(name), encoding: .utf8)
      }
      let provider = ChildProcess()
      let command = StartingThread.killedWithUs + ["/usr/bin/python3", "-c", Self.script, folder.url.path]
      provider.executableURL = URL(fileURLWithPath: command[0])
      provider.arguments = Array(command.dropFirst())
      provider.standardInput = FileHandle.nullDevice
      try StartingThread.run(provider)
      defer { provider.terminate() }
      try wait("the port of the API") { try text("port").hasSuffix("\n") }
      let port = try text("port").dropLast()
      let daemon = try Daemon(
        in: folder,
        environment: [
          "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": "http://127.0.0.1:\(port)",
          "RECONCILE_AFTER": "1s",
        ])
      for status in Self.redirects + [201] {
        let body = #"{"id":"job-\#(status)","model":"s/\#(status)","input":{}}"#
        #expect(try daemon.post(body).status == 202)
      }
      try wait("creations and a poll") {
        let api = try text("api")
        return (Self.redirects + [201]).allSatisfy { api.contains("POST /v1/models/s/\($0)/predictions") }
          && api.contains("GET /v1/predictions/p1 ")
      }
      #expect(try daemon.post("", to: "/jobs/job-201/cancel").status == 202)
      try wait("the cancellation") { try text("api").contains("POST /v1/predictions/p1/cancel ") }
      // Each was answered, and its call was retried.
      try wait("a second attempt") {
        try text("api").components(separatedBy: "POST /v1/models/s/308/").count > 2
      }
      #expect(try text("trap").isEmpty)
      #expect(!daemon.logAfterStop().contains("r8_0123456789"))
      // A poll and a cancellation are redirected too, and one creation has a body with other addresses.
      #expect(try SecurityPage.has("\(Self.redirects.count + 3) answers"))
    }
  }
}
