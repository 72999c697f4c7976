internal import JSONText

/// A prediction's output as server-sent events: `output` per piece, then `done`.
extension Provider {
  func events(of ordinal: Int) -> [UInt8] {
    guard let entry = entries[ordinal] else { return [] }
    let document = document(of: ordinal)
    var text = ""
    var number = 0
    func event(_ name: String, _ data: String) {
      number += 1
      text += Self.event(name, number, data)
    }
    for piece in Self.pieces(of: document.span) { event("output", piece) }
    switch entry.lifecycle.phase {
    case .ended(.succeeded): event("done", "{}")
    case .ended(.canceled), .ended(.aborted): event("done", #"{"reason":"canceled"}"#)
    case .ended(.failed): event("done", #"{"reason":"error"}"#)
    case .starting, .processing: break
    }
    return Array(text.utf8)
  }

  static func event(_ name: String, _ number: Int, _ data: String) -> String {
    // Each of these ends a line of the stream (https://html.spec.whatwg.org/#event-stream-interpretation).
    let lines = data.split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }
    return "event: \(name)\nid: \(number)\n" + lines.map { "data: \($0)\n" }.joined() + "\n"
  }

  /// The output's pieces: strings decoded, other values as their JSON.
  private static func pieces(of document: Span<UInt8>) -> [String] {
    // The document is our own, so parsing it cannot fail.
    guard let output = try? JSONScanner.object(document).value(named: "output", in: document),
      output.kind != .null
    else { return [] }
    let elements = output.kind == .array ? (try? JSONScanner.elements(output, in: document)) ?? [] : [output]
    return elements.map { element in
      element.text(in: document) ?? String(decoding: element.bytes(in: document), as: UTF8.self)
    }
  }
}
