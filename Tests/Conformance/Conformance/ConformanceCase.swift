/// One test case: a request, and the responses that the RFCs allow.
package struct ConformanceCase: Sendable, CustomStringConvertible {
  /// `group/name`, unique.
  package let id: String
  package let group: CaseGroup
  /// Such as `9112 §6.3`.
  package let section: String
  package let script: [Step]
  package let rule: Rule
  package var needs: Set<Need> = []
  /// The indices, from 0, of responses to HEAD.
  package var headAnswers: Set<Int> = []
  package var endpoint = EndpointRole.main
  /// The reason this project's server rejects a valid case, if any.
  package private(set) var chosenStrictness: String?

  package var description: String { id }

  /// An HTTP/1.0 peer closes without notice, and sends no interim responses.
  package let isHTTP10: Bool

  init(id: String, group: CaseGroup, section: String, script: [Step], rule: Rule) {
    self.id = id
    self.group = group
    self.section = section
    self.script = script
    self.rule = rule
    isHTTP10 = if case .send(let text)? = script.first { text.contains(" HTTP/1.0\r\n") } else { false }
  }

  /// The client continues to send after a refusal.
  ///
  /// Then no probe can follow on the connection.
  var floods: Bool {
    script.contains { if case .flood = $0 { true } else { false } }
  }

  var halfCloses: Bool {
    script.contains { if case .halfClose = $0 { true } else { false } }
  }
}

/// A step of the client. Texts are templates (``Template``).
package enum Step: Sendable {
  case send(String)
  /// Waits for an interim response.
  case interim
  /// Waits for a final response.
  case answer
  /// Shuts down the sending side.
  case halfClose
  /// Sends so many bytes more, as long as the peer takes them.
  case flood(byteCount: Int)
}

/// A feature that a server must have for a case to apply.
package enum Need: Sendable {
  /// Its limits are known.
  case limits
  /// The POST target serves POST only, the GET target GET and HEAD.
  case strictMethods
  /// A POST refused by its header section.
  ///
  /// It lacks the three signature fields.
  case signatures
  /// A trailing slash changes nothing.
  case trailingSlash
  /// A resource with an entity tag.
  case entityTag
}

/// The address of the server to use.
package enum EndpointRole: Sendable {
  case main
  /// The address of the resource with an entity tag.
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

  /// Marks the responses with these indices as responses to HEAD.
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

  /// Returns this row as part of a group.
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
  /// `9112 6.3` in the usual form of citation.
  fileprivate var prefixed: String {
    split(separator: " ").count == 2 ? replacing(" ", with: " §") : self
  }
}
