/// Joins the files of the page in the order in which `index.html` names them.
struct PageAssembly {
  private let files: [String: [UInt8]]
  private let mediaSources: [String]
  /// The assembled document.
  private(set) var text = ""
  /// The content of its only `<style>`.
  private(set) var styles = ""
  /// The content of its only `<script>`.
  private(set) var scripts = ""

  init(files: [String: [UInt8]], mediaSources: [String]) {
    self.files = files
    self.mediaSources = mediaSources
  }

  /// A line of `index.html` that stands for something else.
  enum Line: Equatable {
    case style(Substring)
    case script(Substring)
    /// Where the script reads which media it may load.
    case mediaSources
    case plain

    init(_ line: Substring) {
      let text = line.drop { $0 == " " }
      if let name = Self.part(of: text, "<link rel=\"stylesheet\" href=\"", "\">") {
        self = .style(name)
      } else if let name = Self.part(of: text, "<script type=\"module\" src=\"", "\"></script>") {
        self = .script(name)
      } else {
        self = text == PageAssembly.sourcesElement("") ? .mediaSources : .plain
      }
    }

    private static func part(of text: Substring, _ start: String, _ end: String) -> Substring? {
      guard text.hasPrefix(start), text.hasSuffix(end), text.count > start.count + end.count else {
        return nil
      }
      return text.dropFirst(start.count).dropLast(end.count)
    }
  }

  mutating func assemble() {
    let lines = Self.lines(of: content("index.html")).map { (Line($0), $0) }
    for (index, (kind, line)) in lines.enumerated() {
      let isFirst = !lines[..<index].contains { $0.0.isSameElement(as: kind) }
      switch kind {
      case .style where isFirst:
        styles = joined(lines.compactMap { if case .style(let name) = $0.0 { name } else { nil } })
        text += "<style>\(styles)</style>\n"
      case .script where isFirst:
        scripts = joined(lines.compactMap { if case .script(let name) = $0.0 { name } else { nil } })
        text += "<script type=\"module\">\(scripts)</script>\n"
      case .style, .script: continue
      case .mediaSources: text += Self.sourcesElement(mediaSources.joined(separator: " ")) + "\n"
      case .plain: text += line + "\n"
      }
    }
  }

  /// The lines of a text that ends with a line end.
  private static func lines(of text: String) -> [Substring] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.last?.isEmpty == true ? lines.dropLast() : lines
  }

  static func sourcesElement(_ sources: String) -> String {
    "<meta name=\"output-origins\" content=\"\(sources)\">"
  }

  private func joined(_ names: [Substring]) -> String {
    "\n" + names.map { Self.code(of: content(String($0))) }.joined(separator: "\n")
  }

  /// A script or a style sheet without its indentation and the lines that are comments alone.
  ///
  /// They are a sixth of what browsers would receive.
  static func code(of text: String) -> String {
    // By bytes: by characters it would take more than the rest of the daemon's start.
    var code: [UInt8] = []
    code.reserveCapacity(text.utf8.count)
    var isInComment = false
    for line in Array(text.utf8).split(separator: UInt8(ascii: "\n")) {
      let line = line.drop { $0 == UInt8(ascii: " ") }
      if isInComment || line.starts(with: "/*".utf8) {
        isInComment = !line.suffix(2).elementsEqual("*/".utf8)
      } else if !line.starts(with: "//".utf8) {
        code += line
        code.append(UInt8(ascii: "\n"))
      }
    }
    return String(decoding: code, as: UTF8.self)
  }

  private func content(_ name: String) -> String {
    guard let bytes = files[name] else { preconditionFailure("the page has no file \(name)") }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension PageAssembly.Line {
  /// Whether both are joined in one element.
  func isSameElement(as other: Self) -> Bool {
    switch (self, other) {
    case (.style, .style), (.script, .script): true
    default: false
    }
  }
}
