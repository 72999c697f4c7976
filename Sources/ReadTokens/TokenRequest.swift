internal import HTTPWire
internal import JSONText
internal import Routing
internal import Time

/// The body of a request for a token: `{"ttl": "1h"}`, or nothing.
struct TokenRequest {
  static let maxBytes = 1024
  static let defaultSeconds: Int64 = 3600
  static let seconds: ClosedRange<Int64> = 10...7 * 86_400

  private static let format = DurationFormat(
    units: [.days, .hours, .minutes, .seconds], order: .descending, max: .seconds(seconds.upperBound))

  /// How long the token is valid, in seconds.
  let ttl: Int64

  init(body: [UInt8]) throws(Problem) {
    guard !body.isEmpty else {
      ttl = Self.defaultSeconds
      return
    }
    let text = body.span
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw Problem(.badRequest, .malformedJSON, "the body is not a JSON object: \(error)")
    }
    // An ignored misspelling would give the default without a word.
    let value = object.value(named: "ttl", in: text)
    guard object.members.count == (value == nil ? 0 : 1) else {
      throw Problem(.unprocessableContent, .invalidRequest, "the only member is `ttl`, given once")
    }
    guard let value, value.kind != .null else {
      ttl = Self.defaultSeconds
      return
    }
    guard value.kind == .string, value.range.count <= 32,
      let duration = Self.format.parse(JSONString.decode(value.contents, of: text)),
      Self.seconds.contains(duration.components.seconds)
    else {
      throw Problem(
        .unprocessableContent, .invalidRequest, "`ttl` is a duration such as \"1h\", from 10s to 7d")
    }
    ttl = duration.components.seconds
  }
}
