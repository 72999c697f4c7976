internal import Bytes
package import HTTPWire
package import Time

/// The parameters of a request's query. Each is known, and given once.
package struct QueryParameters {
  private var values: [String: String] = [:]
  /// Those whose names begin with the prefix, in their order, without it.
  package private(set) var prefixed: [(name: String, value: String)] = []

  /// Rejects unknown names, because a misspelt filter would show everything.
  ///
  /// - Parameter prefix: all names that begin with it are allowed.
  package init(
    _ target: RequestTarget, allowing names: [String], prefix: String? = nil
  ) throws(Problem) {
    guard let parameters = target.queryParameters else {
      throw Self.invalid("the query is not validly percent-encoded")
    }
    for (name, value) in parameters {
      if let prefix, name.utf8.starts(with: prefix.utf8) {
        prefixed.append((String(name.utf8.dropFirst(prefix.utf8.count)) ?? "", value))
        continue
      }
      guard names.contains(name) else {
        let known = names + (prefix.map { ["\($0)KEY"] } ?? [])
        throw Self.invalid(
          known.isEmpty ? "this path takes no parameters" : "parameters: \(known.joined(separator: ", "))")
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw Self.invalid("`\(name)` is given more than once")
      }
    }
  }

  package subscript(name: String) -> String? { values[name] }

  package func number(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64? {
    guard let text = values[name] else { return nil }
    guard text.utf8.allSatisfy(\.isDigit), let number = Int64(text),
      range.contains(number)
    else {
      let bounds =
        range.upperBound == .max ? "from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw Self.invalid("`\(name)` is a whole number, \(bounds)")
    }
    return number
  }

  package func choice<Choice>(_ name: String) throws(Problem) -> Choice?
  where Choice: RawRepresentable<String> & CaseIterable {
    guard let text = values[name] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw Self.invalid("`\(name)` is one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }

  /// The parts of a list that is separated by commas. Nil where the parameter is absent.
  package func list(_ name: String) -> [String]? {
    values[name].map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
  }

  /// A day in UTC.
  package func day(_ name: String) throws(Problem) -> CalendarDay? {
    guard let text = values[name] else { return nil }
    guard let day = CalendarDay(text) else {
      throw Self.invalid("`\(name)` is a day such as 2026-11-26, from 1970-01-01")
    }
    return day
  }

  package static func invalid(_ detail: String) -> Problem {
    Problem(.badRequest, .invalidParameter, detail)
  }
}
