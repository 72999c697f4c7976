package import HTTPWire
package import Routing
internal import Time

/// The wait of a read: `?wait=30s`, or `Prefer: wait=30`.
package struct JobWait: Equatable, Sendable {
  package let duration: Duration
  /// Whether only the job's end answers before the wait is over.
  package let isUntilEnd: Bool

  /// Longer waits would meet the timeouts of proxies and clients.
  package static let maxSeconds: Int64 = 300
  /// The wait of `Prefer: wait` without a number, as in Replicate's own API.
  static let defaultSeconds: Int64 = 60

  private static let format = DurationFormat(
    units: [.hours, .minutes, .seconds], order: .descending, acceptsBareSeconds: false, maxDigits: 5,
    max: .seconds(maxSeconds))

  package init(_ duration: Duration, isUntilEnd: Bool = false) {
    self.duration = duration
    self.isUntilEnd = isUntilEnd
  }

  private enum Goal: String, CaseIterable {
    case end
  }

  /// Whether the query has one of the parameters of a wait.
  static func isNamed(in target: RequestTarget) -> Bool {
    target.hasQuery && target.queryParameters?.contains { parameters.contains($0.name) } == true
  }

  private static let parameters = ["wait", "until"]

  /// Parses `wait` and `until`; nil without them.
  ///
  /// - Parameter others: further parameters of the route.
  package init?(_ target: RequestTarget, allowing others: [String] = []) throws(Problem) {
    let query = try QueryParameters(target, allowing: Self.parameters + others)
    let goal: Goal? = try query.choice("until")
    guard let duration = try query.wait("wait") else {
      guard goal == nil else {
        throw Problem(.badRequest, .invalidParameter, "`until` comes with `wait`, such as wait=30s&until=end")
      }
      return nil
    }
    self.init(duration, isUntilEnd: goal == .end)
  }

  /// Parses the preference for a wait (RFC 7240 section 4.3). Nil where there is no valid one.
  ///
  /// An invalid preference is ignored, and a longer one is shortened: a preference is no condition.
  init?(preferredBy fields: Fields) {
    guard fields.contains("prefer") else { return nil }
    for member in fields.listMembers("prefer") {
      let preference = member.prefix { $0 != ";" }
      let parts = preference.split(separator: "=", maxSplits: 1).map { part in
        part.trimmingPrefix { $0 == " " || $0 == "\"" }.prefix { $0 != " " && $0 != "\"" }
      }
      // Where a preference is repeated, the first one counts (section 2).
      guard parts.first == "wait" else { continue }
      guard parts.count > 1 else {
        self.init(.seconds(Self.defaultSeconds), isUntilEnd: true)
        return
      }
      let digits = parts[1]
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let first = digits.first, first != "0"
      else {
        return nil
      }
      self.init(.seconds(min(Int64(digits) ?? Self.maxSeconds, Self.maxSeconds)), isUntilEnd: true)
      return
    }
    return nil
  }
}

extension QueryParameters {
  /// A duration to wait.
  package func wait(_ name: String) throws(Problem) -> Duration? {
    guard let text = self[name] else { return nil }
    guard let duration = JobWait.parse(text) else {
      throw Problem(.badRequest, .invalidParameter, "`\(name)` is a duration such as 30s, from 1s to 5m")
    }
    return duration
  }
}

extension JobWait {
  fileprivate static func parse(_ text: String) -> Duration? {
    format.parse(text).flatMap { $0 >= .seconds(1) ? $0 : nil }
  }
}
