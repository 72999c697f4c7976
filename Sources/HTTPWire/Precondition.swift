internal import Bytes

/// The result of a request's conditions (RFC 9110 section 13.2.2).
package enum Precondition: Equatable, Sendable {
  case met
  /// The client has the representation: the response is 304.
  case notModified
  /// The client wants another representation: the response is 412.
  case failed
}

extension RequestHead {
  /// Evaluates the conditions of a GET or HEAD by the entity tag of the representation.
  ///
  /// Conditions by time are ignored, because the representation has no date of modification (RFC 9110
  /// sections 13.1.3 and 13.1.4).
  ///
  /// - Parameter tag: strong, with its quotation marks.
  package func precondition(of tag: String) -> Precondition {
    guard fields.containsName(withInitialAmong: [UInt8(ascii: "i")]) else { return .met }
    if fields.contains("if-match"), !isListed(tag, in: "if-match", weakly: false) { return .failed }
    return isListed(tag, in: "if-none-match", weakly: true) ? .notModified : .met
  }

  /// The bytes to send of the representation.
  ///
  /// A range is for GET alone (RFC 9110 section 14.2). With `If-Range` it holds for the representation that
  /// the client knows (section 13.1.5).
  ///
  /// - Parameter tag: strong, with its quotation marks.
  package func requestedRange(ofSize size: Int, tag: String) -> RequestedRange {
    guard method == .get, fields.contains("range") else { return .whole }
    switch fields.single("if-range") {
    case .none: break
    case .one(let known) where known == tag: break
    case .one, .repeated: return .whole
    }
    return RequestedRange(fields, size: size)
  }

  /// - Parameter isWeak: whether a `W/` before a tag makes no difference (RFC 9110 section 8.8.3.2).
  private func isListed(_ tag: String, in field: String, weakly isWeak: Bool) -> Bool {
    // No tag has a quotation mark inside, so a comma in one cannot make a part that equals ours.
    fields.all(field).flatMap { $0.split(separator: ",") }.contains { part in
      let known = part.trimmed
      return known == "*" || known == tag || isWeak && known == "W/\(tag)"
    }
  }
}
