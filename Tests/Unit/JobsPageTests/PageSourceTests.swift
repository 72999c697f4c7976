import Foundation
@testable import JobsPage
import Testing

/// What the page's sources must not contain: ways in which a value of a job could become markup or code.
@Suite struct PageSourceTests {
  /// Patterns, by the kinds of the files in which they are forbidden.
  private static let forbidden: [(pattern: String, kinds: Set<String>)] = [
    // Sinks of markup and code (Trusted Types, "injection sinks").
    (#"\b(inner|outer)HTML\b"#, ["js"]), (#"\binsertAdjacentHTML\b"#, ["js"]),
    (#"\bset(HTML|HTMLUnsafe)\b"#, ["js"]),
    (#"\bdocument\s*\.\s*write(ln)?\b"#, ["js"]), (#"\beval\b"#, ["js"]), (#"\bFunction\s*\("#, ["js"]),
    (#"\bset(Timeout|Interval)\s*\(\s*["'`]"#, ["js"]), (#"\bDOMParser\b"#, ["js"]),
    (#"\bcreateContextualFragment\b"#, ["js"]), (#"\bsrcdoc\b"#, ["js", "html"]),
    (#"\bimport\b\s*[("'{*]"#, ["js"]),
    (#"javascript:"#, ["js", "html", "css"]), (#"setAttribute(NS)?\s*\(\s*["'`](on|style)"#, ["js"]),
    (#"\bdocument\s*\.\s*cookie\b"#, ["js"]),
    // The policy blocks these.
    (#"\son[a-z]+\s*="#, ["html"]), (#"\sstyle\s*="#, ["html"]),
    (#"<(iframe|object|embed|base|form)\b"#, ["html"]),
    // Nothing comes from elsewhere.
    (#"https?://(?!www\.w3\.org/)"#, ["html", "css"]),
    (#"(fetch|import|src|href|open|EventSource)\s*[(=:]\s*["'`]https?:"#, ["js"]),
    (#"@import\b|@font-face\b"#, ["css"]), (#"\burl\((?!["']?(data:|#))"#, ["css"]),
    // They would end the element that the file becomes a part of.
    (#"</(script|style)"#, ["js", "css"]), (#"<!--"#, ["js", "css", "html"]),
  ]

  private static func violations(in text: String, _ kind: String) -> [String] {
    forbidden.filter { $0.kinds.contains(kind) }.map(\.pattern).filter {
      text.range(of: $0, options: [.regularExpression, .caseInsensitive]) != nil
    }
  }

  @Test(arguments: PageFiles.all.keys.sorted())
  func `a file of the page contains nothing that is forbidden`(_ name: String) throws {
    let text = String(decoding: try #require(PageFiles.all[name]), as: UTF8.self)
    let kind = try #require(name.split(separator: ".").last.map(String.init))
    #expect(["html", "css", "js"].contains(kind))
    #expect(Self.violations(in: text, kind).isEmpty)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 400 && text.hasSuffix("\n") && !text.contains("\r"))
  }

  @Test(
    arguments: [
      ("node.innerHTML = text", "js"), ("node . outerHTML=a", "js"), ("a.insertAdjacentHTML('x', b)", "js"),
      ("a.setHTMLUnsafe(b)", "js"), ("document.write(a)", "js"), ("document . writeln(a)", "js"),
      ("eval(a)", "js"), ("window.eval", "js"), ("new Function('a')", "js"), ("Function(a)()", "js"),
      ("setTimeout('a()', 1)", "js"), ("setInterval(`a`, 1)", "js"), ("new DOMParser()", "js"),
      ("range.createContextualFragment(a)", "js"), ("frame.srcdoc = a", "js"), ("import('./a.js')", "js"),
      ("import { a } from './a.js'", "js"), ("a.href = 'javascript:b'", "js"),
      ("a.setAttribute('onclick', b)", "js"), ("a.setAttribute(\"style\", b)", "js"),
      ("document.cookie", "js"),
      ("fetch('https://a.example')", "js"), ("image.src = \"http://a\"", "js"), ("// </script>", "js"),
      ("<p onclick=\"a()\">", "html"), ("<p style=\"a\">", "html"), ("<p\nonclick = a>", "html"),
      ("<form action=\"/\">", "html"), ("<iframe>", "html"),
      ("<img src=\"https://a.example/b.png\">", "html"),
      ("@import 'a.css';", "css"), ("a { background: url(b.png) }", "css"), ("/* </style> */", "css"),
      ("a { background: url('https://b') }", "css"), ("<!-- a", "html"),
    ])
  func `each of them is found`(_ text: String, _ kind: String) {
    #expect(!Self.violations(in: text, kind).isEmpty)
  }

  @Test(
    arguments: [
      ("node.textContent = text", "js"), ("const evaluation = 1; retrieval()", "js"), ("important(a)", "js"),
      ("document.createElementNS(\"http://www.w3.org/2000/svg\", a)", "js"), ("setTimeout(a, 1)", "js"),
      ("url.protocol === \"https:\"", "js"), ("button.onclick = run", "js"), ("function isOf(a) {}", "js"),
      ("a { background: url(\"data:image/png;base64,AA\") }", "css"), ("a { mask: url(#b) }", "css"),
      ("<svg xmlns=\"http://www.w3.org/2000/svg\">", "html"), ("<p class=\"on\">", "html"),
    ])
  func `harmless text is not found`(_ text: String, _ kind: String) {
    #expect(Self.violations(in: text, kind).isEmpty)
  }
}
