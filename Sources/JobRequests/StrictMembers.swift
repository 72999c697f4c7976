internal import JSONText

/// The members of an object that people write by hand: each at most once, and none but those that are known, for a
/// misspelt name that is ignored is a wish that is not fulfilled. A member that is null counts as absent.
struct StrictMembers {
  /// Why an object is not taken.
  enum Fault: Error, Equatable {
    case unknown(String)
    case repeated(String)

    var name: String {
      switch self {
      case .unknown(let name), .repeated(let name): name
      }
    }
  }

  private let values: [String: JSONValue]

  /// In bytes: enough of a name that is not known to tell it again.
  private static let longestName = 64

  init(_ object: JSONObject, of text: Span<UInt8>, known: [String]) throws(Fault) {
    var values: [String: JSONValue] = [:]
    for member in object.members {
      // An escape is at most six times as long as what it writes.
      let name = JSONString.decode(member.name.prefix(6 * Self.longestName), of: text)
      // By their bytes: to Unicode, some letters equal others.
      guard member.name.count <= 6 * Self.longestName,
        known.contains(where: { $0.utf8.elementsEqual(name.utf8) })
      else { throw .unknown(name.cutToLine(of: Self.longestName)) }
      guard values.updateValue(member.value, forKey: name) == nil else { throw .repeated(name) }
    }
    self.values = values.filter { $0.value.kind != .null }
  }

  subscript(_ name: String) -> JSONValue? { values[name] }
}
