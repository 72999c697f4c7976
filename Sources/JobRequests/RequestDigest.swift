internal import Crypto
internal import JSONText

/// The digest of a request's meaning, which makes two texts of one JSON value the same request.
///
/// Members may be in any order, with any white space; strings count by their characters, numbers as written.
/// A member of the request that is null counts as absent. Where an object repeats a name, the order of the
/// repetitions counts.
package struct RequestDigest: ~Copyable {
  private let sha256 = SHA256()

  package init() {}

  /// The digest of a request that was accepted; of any other text, that of its bytes.
  package func digest(of body: Span<UInt8>) -> [UInt8] {
    guard let value = try? JSONScanner.validate(body) else { return sha256.digest(of: body) }
    return digest(of: value, in: body, dropsNull: true)
  }

  /// - Parameter dropsNull: whether the value's own members count as absent where they are null.
  func digest(of value: JSONValue, in text: Span<UInt8>, dropsNull: Bool = false) -> [UInt8] {
    var form = CanonicalForm(dropsNull: dropsNull)
    var tokens = JSONTokens(of: value)
    while let token = tokens.next(in: text) { form.append(token, of: text, sha256) }
    return sha256.digest(of: form.text.span)
  }
}

/// The text of a JSON value with sorted members and no white space. Larger objects are their digests.
///
/// So one pass suffices, and a byte is not moved once more for each level around it.
private struct CanonicalForm {
  private(set) var text: [UInt8] = []
  private let dropsNull: Bool
  /// The containers around the end of the text, outermost first.
  private var containers: [Container] = []
  /// The members of the open objects.
  private var members: [Member] = []

  private struct Container {
    let start: Int
    /// The index of the first member. Nil for an array.
    let firstMember: Int?
  }

  private struct Member {
    /// Where the quoted name begins.
    let start: Int
    let nameEnd: Int
    /// Where the value ends.
    var end: Int
  }

  /// Objects of more bytes are replaced by their digests.
  private static let maxInlineBytes = 64

  init(dropsNull: Bool) { self.dropsNull = dropsNull }

  mutating func append(_ token: JSONTokens.Token, of source: Span<UInt8>, _ sha256: borrowing SHA256) {
    switch token {
    case .beginObject: begin(UInt8(ascii: "{"), firstMember: members.count)
    case .beginArray: begin(UInt8(ascii: "["), firstMember: nil)
    case .endObject:
      endObject(sha256)
      endValue()
    case .endArray:
      text.append(UInt8(ascii: "]"))
      _ = containers.popLast()
      endValue()
    case .name(let range):
      let start = text.count
      JSONString.appendCanonical(range, of: source, to: &text)
      members.append(Member(start: start, nameEnd: text.count, end: text.count))
    case .scalar(let value):
      if dropsNull, value.kind == .null, containers.count == 1, let member = members.popLast() {
        text.removeSubrange(member.start...)
        return
      }
      separateElement()
      if value.kind == .string {
        JSONString.appendCanonical(value.contents, of: source, to: &text)
      } else {
        for index in value.range { text.append(source[index]) }
      }
      endValue()
    }
  }

  private mutating func begin(_ bracket: UInt8, firstMember: Int?) {
    separateElement()
    containers.append(Container(start: text.count, firstMember: firstMember))
    text.append(bracket)
  }

  private mutating func separateElement() {
    guard let container = containers.last, container.firstMember == nil, text.count > container.start + 1
    else { return }
    text.append(UInt8(ascii: ","))
  }

  /// Notes the end of a value, which may be a member's.
  private mutating func endValue() {
    guard containers.last?.firstMember != nil, !members.isEmpty else { return }
    members[members.count - 1].end = text.count
  }

  /// A member has no comma: its name's first quote ends the value before it.
  private mutating func endObject(_ sha256: borrowing SHA256) {
    guard let container = containers.popLast(), let first = container.firstMember else { return }
    let own = members[first...].sorted(by: isBefore)
    if !own.elementsEqual(members[first...], by: { $0.start == $1.start }) {
      let ordered = own.flatMap { text[$0.start..<$0.end] }
      text.replaceSubrange((container.start + 1)..., with: ordered)
    }
    members.removeSubrange(first...)
    text.append(UInt8(ascii: "}"))
    guard text.count - container.start > Self.maxInlineBytes else { return }
    let digest = sha256.digest(of: text.span.extracting(container.start..<text.count))
    // No canonical text has a zero.
    text.replaceSubrange(container.start..., with: [0] + digest)
  }

  private func isBefore(_ one: Member, _ other: Member) -> Bool {
    let (left, right) = (text[one.start..<one.nameEnd], text[other.start..<other.nameEnd])
    return left.elementsEqual(right) ? one.start < other.start : left.lexicographicallyPrecedes(right)
  }
}
