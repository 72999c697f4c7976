import Console
import Foundation
import HTTPWire
import JSONText
import LiveDaemon
import Stubs
import Testing

@testable import replicate_webhookd

/// A payload text with harmful characters.
///
/// They are ESC, CSI of C1, DEL, a line separator and a direction override.
private let hostile = "a\u{1B}[2J\u{9B}31m\u{7F}\u{2028}\u{202E}z\u{2066}é👩‍💻"
private let harmful: [Unicode.Scalar] = ["\u{1B}", "\u{9B}", "\u{7F}", "\u{2028}", "\u{202E}", "\u{2066}"]

@Suite struct VisibleTextTests {
  @Test func cursorControlsAreShownAsDots() {
    #expect(Terminal.visible(hostile) == "a·[2J·31m···z·é👩‍💻")
    #expect(Terminal.visible("a\tb\nc\r", keeping: ["\n", "\t"]) == "a\tb\nc·")
    #expect(Terminal.visible("plain") == "plain")
  }

  @Test func anEscapedDocumentIsTheSameDocument() throws {
    // Characters that JSON does not allow in a string are already escapes.
    let raw = "{\"a\":\r\n\t\"\(hostile.replacing("\u{1B}", with: "\\u001b"))\"}"
    let escaped = Terminal.escaped(json: Array(raw.utf8))
    #expect(!escaped.unicodeScalars.contains { harmful.contains($0) || $0 == "\r" })
    let document = try #require(JSONDocument(Array(escaped.utf8)))
    #expect(document.text("a") == hostile)
  }
}

extension ProcessTests {
  /// Commands on a terminal, with hostile texts from the jobs API.
  @Suite struct TerminalTests {
    private static let text = hostile.replacing("\u{1B}", with: "\\u001b")
    private static let document = #"""
      {"id":"\#(text)","state":"succeeded","output":"\#(text)","revision":1,"provider_status":"\#(text)",
       "deliveries":[{"provider_status":"\#(text)"}],
       "jobs":[{"id":"\#(text)","revision":1,"model":"\#(text)"}],
       "steps":[{"name":"\#(text)","state":"\#(text)","used":"\#(text)","error":{"message":"\#(text)"}}],
       "workflows":[{"id":"\#(text)","state":"\#(text)"}],"output_error":"\#(text)\nforged",
       "days":[{"day":"\#(text)"}],"usage":[{"model":"\#(text)"}]}
      """#

    private static func stub(_ status: Status = .ok) throws -> StubAPI {
      try StubAPI { request, _ in
        status == .ok
          ? .json(document, request.line == "POST /jobs" ? .accepted : .ok)
          : .json(#"{"code":"\#(text)","detail":"\#(text)"}"#, status)
      }
    }

    /// script(1) gives the command a terminal.
    private func onTerminal(_ words: [String]) throws -> String {
      let words = [Program.path] + words.map { "'\($0)'" }
      return try Program.run(
        ["-qec", words.joined(separator: " "), "/dev/null"],
        environment: ["REPLICATE_WEBHOOK_SECRET": Daemon.secret],
        executable: "/usr/bin/script"
      ).output
    }

    private static let verbs = [
      ["jobs"], ["jobs", "--json"], ["job", "x"], ["job", "x", "--json"], ["job", "x", "--history"],
      ["job", "x", "--follow"], ["job", "x", "--follow", "--json"], ["usage"], ["usage", "--json"],
      ["cancel", "x"],
      ["run", "a/b"], ["run", "a/b", "--json"], ["run", "a/b", "--detach"],
      ["run", "a/b", "--detach", "--json"],
      ["workflow", "show", "x"], ["workflow", "show", "x", "--json"], ["workflow", "show", "x", "--follow"],
      ["workflow", "list"], ["workflow", "list", "--json"], ["workflow", "cancel", "x"],
      ["workflow", "resume", "x", "--follow"],
    ]

    @Test(arguments: verbs, [Status.ok, .forbidden])
    func nothingHarmfulReachesATerminal(_ words: [String], _ status: Status) throws {
      let stub = try Self.stub(status)
      let output = try onTerminal(words + ["--api", stub.url])
        // This sequence overwrites the progress line.
        .replacingOccurrences(of: "\r\u{1B}[K", with: "")
      #expect(!output.isEmpty && !output.unicodeScalars.contains { harmful.contains($0) }, "\(output)")
      #expect(!output.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("forged") }, "\(output)")
    }

    @Test func answersOfAReceiverReachNoTerminal() throws {
      let receiver = try StubAPI { _, _ in
        Response(status: .ok, body: Array((hostile + "\nforged").utf8))
      }
      let output = try onTerminal(["send", receiver.url + "/x"])
      #expect(output.contains("z") && !output.unicodeScalars.contains { harmful.contains($0) }, "\(output)")
      #expect(!output.contains("\nforged"))
    }

    /// Output into a pipe is exact.
    @Test func aPipeGetsEveryByte() throws {
      let stub = try Self.stub()
      #expect(try stub.run(["run", "a/b"]).output == hostile + "\n")
      #expect(try stub.run(["job", "x", "--json"]).output == Self.document)
      #expect(try stub.run(["run", "a/b", "--detach"]).output == hostile + "\n")
    }
  }
}
