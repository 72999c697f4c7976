/// A text of others that would do harm in a page that does not treat it as text.
struct HostilePayload {
  let name: String
  let text: String

  private static let script = "window.payloadHasRun=true"

  /// - Parameters:
  ///   - outside: an origin that nothing may be requested from.
  ///   - allowed: an origin that files of outputs may come from.
  static func all(outside: String, allowed: String) -> [HostilePayload] {
    let host = outside.dropFirst("http:".count)
    let texts: [(name: String, text: String)] = [
      ("script", "<script>\(script)</script>"),
      ("image", #"<img src=x onerror="\#(script)">"#),
      ("remote image", "<img src=\(outside)/a.png>"),
      ("end of an attribute", #"'"><svg onload=\#(script)>"#),
      ("end of the title", "</title></style></script></textarea><script>\(script)</script>"),
      ("frame", "<iframe src=\(outside)/a srcdoc='<script>parent.\(script)</script>'></iframe>"),
      ("style", "<style>@import url(\(outside)/a.css);*{background:url(\(outside)/b.png)}</style>"),
      ("base", "<base href=\(outside)/><meta http-equiv=refresh content='0;url=\(outside)/a'>"),
      ("link", "<link rel=stylesheet href=\(outside)/a.css><link rel=preconnect href=\(outside)>"),
      ("template", "{{constructor.constructor('\(script)')()}}${\(script)}"),
      ("comment", "<!--><img src onerror=\(script)>-->"),
      ("escaped", "&lt;script&gt;\(script)&lt;/script&gt;%3Cscript%3E"),
      ("script URL", "javascript:\(script)"),
      ("script URL in capitals", " \u{1}JaVaScRiPt:\(script)"),
      ("script URL with a tab", "java\tscript:\(script)"),
      ("document in a URL", "data:text/html,<script>\(script)</script>"),
      ("SVG in a URL", "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='\(script)'/>"),
      (
        "SVG that loads",
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image href='\(outside)/a.png'/></svg>"
      ),
      ("file URL", "file:///etc/passwd"),
      ("image elsewhere", "\(outside)/a.png"),
      ("sound elsewhere", "\(outside)/a.mp3"),
      ("film elsewhere", "\(outside)/a.mp4"),
      ("URL without a scheme", "\(host)/a.png"),
      ("allowed origin as a user", "\(allowed)@\(host.dropFirst(2))/a.png"),
      ("allowed origin as a prefix", "\(allowed).outside.test/a.png"),
      ("allowed host as a label", "http://replicate.delivery.outside.test/a.png"),
      ("direction", "\u{202E}gnp.a\u{2066}"),
      ("control characters", "a\u{1B}[31mb\u{0}c\u{7F}d\u{FEFF}e"),
      ("names of prototypes", "__proto__"),
      ("one long word", String(repeating: "W", count: 20_000)),
      ("deep", String(repeating: "[", count: 5000)),
    ]
    return texts.map { HostilePayload(name: $0.name, text: $0.text) }
  }
}
