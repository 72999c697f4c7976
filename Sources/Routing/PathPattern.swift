/// The path of a route, such as `/jobs/{id}/history`.
package final class PathPattern: Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  package let description: String
  fileprivate let segments: [Segment]
  let parameterCount: Int

  fileprivate enum Segment: Equatable, Sendable {
    case literal(String)
    case parameter(String)
  }

  /// - Parameter text: segments after slashes; one in braces is a parameter.
  package init(_ text: String) {
    description = text
    segments = text.split(separator: "/").map { segment in
      segment.hasPrefix("{") && segment.hasSuffix("}")
        ? .parameter(String(segment.dropFirst().dropLast())) : .literal(String(segment))
    }
    parameterCount = segments.count { if case .parameter = $0 { true } else { false } }
  }

  package convenience init(stringLiteral text: String) {
    self.init(text)
  }

  /// Whether the first `count` of `path` match. An empty segment matches nothing.
  func matches(_ path: [String], count: Int) -> Bool {
    guard segments.count == count else { return false }
    for index in segments.indices {
      switch segments[index] {
      case .literal(let text): guard path[index] == text else { return false }
      case .parameter: guard !path[index].isEmpty else { return false }
      }
    }
    return true
  }

  /// Whether both match the same paths. Names of parameters do not count.
  func isSamePath(as other: PathPattern) -> Bool {
    segments.count == other.segments.count
      && zip(segments, other.segments).allSatisfy { mine, theirs in
        switch (mine, theirs) {
        case (.parameter, .parameter): true
        default: mine == theirs
        }
      }
  }
}

/// The parameters of a path that a route has matched.
package struct PathParameters {
  let segments: [String]
  let pattern: PathPattern

  /// - Parameter name: one that the route's own pattern has.
  package subscript(name: String) -> String {
    guard let index = pattern.segments.firstIndex(of: .parameter(name)) else {
      preconditionFailure("\(pattern) has no parameter \(name)")
    }
    return segments[index]
  }
}
