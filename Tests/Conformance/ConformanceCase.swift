/// One question to a server: what is sent, and which answers RFC 9110 and RFC 9112 allow.
package struct ConformanceCase: Sendable, CustomStringConvertible {
  /// `group/name`, unique.
  package let id: String
  package let group: CaseGroup
  /// Such as `9112 §6.3`.
  package let section: String
  package let script: [Step]
  package let rule: Rule
  package var needs: Set<Need> = []
  /// Which of the answers, counted from 0, are to HEAD.
  package var headAnswers: Set<Int> = []
  package var endpoint = EndpointRole.main
  /// Why the server of this project refuses it although it is valid; nil where it does not.
  package private(set) var chosenStrictness: String?

  package var description: String { id }

  /// A peer that answers HTTP/1.0 closes without a word, and sends no interim answers.
  package let isHTTP10: Bool

  init(id: String, group: CaseGroup, section: String, script: [Step], rule: Rule) {
    self.id = id
    self.group = group
    self.section = section
    self.script = script
    self.rule = rule
    isHTTP10 = if case .send(let text)? = script.first { text.contains(" HTTP/1.0\r\n") } else { false }
  }

  /// The client goes on sending after a refusal: then nothing more can be asked on the connection.
  var floods: Bool {
    script.contains { if case .flood = $0 { true } else { false } }
  }

  var halfCloses: Bool {
    script.contains { if case .halfClose = $0 { true } else { false } }
  }
}

/// What the client does. Texts are templates (``Template``).
package enum Step: Sendable {
  case send(String)
  /// Waits for an interim answer.
  case interim
  /// Waits for a final answer.
  case answer
  /// Says that nothing more will be sent.
  case halfClose
  /// Sends so many bytes more, as long as the peer takes them.
  case flood(byteCount: Int)
}

/// What a server must offer to be asked.
package enum Need: Sendable {
  /// Its limits are known.
  case limits
  /// The POST target answers POST alone, the GET target GET and HEAD.
  case strictMethods
  /// A POST without the three signature fields is refused by its header section.
  case signatures
  /// A trailing slash changes nothing.
  case trailingSlash
  /// A resource with an entity tag.
  case entityTag
}

/// Which address of the server is asked.
package enum EndpointRole: Sendable {
  case main
  /// Where the resource with an entity tag is.
  case entityTag
}

package enum CaseGroup: String, CaseIterable, Sendable {
  case requestLine = "request-line"
  case version
  case method
  case target
  case host
  case field
  case limit
  case contentLength = "content-length"
  case transferEncoding = "transfer-encoding"
  case chunked
  case connection
  case expect
  case answer
  case refusing
  case path
}

extension ConformanceCase {
  /// A case that sends `text` at once.
  static func row(_ name: String, _ section: String, _ text: String, _ rule: Rule) -> Self {
    row(name, section, [.send(text)], rule)
  }

  static func row(_ name: String, _ section: String, _ script: [Step], _ rule: Rule) -> Self {
    ConformanceCase(
      id: name, group: .requestLine, section: section.prefixed, script: script, rule: rule)
  }

  func needing(_ needs: Need...) -> Self {
    var copy = self
    copy.needs = Set(needs)
    return copy
  }

  /// The answers with these numbers are to HEAD.
  func head(_ answers: Int...) -> Self {
    var copy = self
    copy.headAnswers = Set(answers)
    return copy
  }

  func at(_ endpoint: EndpointRole) -> Self {
    var copy = self
    copy.endpoint = endpoint
    return copy
  }

  /// This row as part of a group.
  func joining(_ group: CaseGroup) -> Self {
    var copy = ConformanceCase(
      id: "\(group.rawValue)/\(id)", group: group, section: section, script: script, rule: rule)
    copy.needs = needs
    copy.headAnswers = headAnswers
    copy.endpoint = endpoint
    copy.chosenStrictness = ChosenStrictness.reasons[copy.id]
    return copy
  }
}

extension String {
  /// `9112 6.3` as RFCs are cited.
  fileprivate var prefixed: String {
    split(separator: " ").count == 2 ? replacing(" ", with: " §") : self
  }
}
