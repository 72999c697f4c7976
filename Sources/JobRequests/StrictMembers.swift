package import JSONText

/// The members of an object that people write by hand.
///
/// Each must be known, and may occur once. A misspelt name that was ignored would silently have no effect. A
/// null member counts as absent.
package struct StrictMembers {
  /// Why an object is rejected.
  package enum Fault: Error, Equatable {
    case unknown(String)
    case repeated(String)

    var name: String {
      switch self {
      case .unknown(let name), .repeated(let name): name
      }
    }
  }

  private let values: [String: JSONValue]

  /// In bytes: enough of an unknown name for the error text.
  private static let maxNameLength = 64

  package init(_ object: JSONObject, of text: Span<UInt8>, known: [String]) throws(Fault) {
    var values: [String: JSONValue] = [:]
    for member in object.members {
      // An escape takes at most six bytes for one.
      let name = JSONString.decode(member.name.prefix(6 * Self.maxNameLength), of: text)
      // Bytes are compared, because Unicode equates some different letters.
      guard member.name.count <= 6 * Self.maxNameLength,
        known.contains(where: { $0.utf8.elementsEqual(name.utf8) })
      else { throw .unknown(name.cutToLine(of: Self.maxNameLength)) }
      guard values.updateValue(member.value, forKey: name) == nil else { throw .repeated(name) }
    }
    self.values = values.filter { $0.value.kind != .null }
  }

  package subscript(_ name: String) -> JSONValue? { values[name] }
}
