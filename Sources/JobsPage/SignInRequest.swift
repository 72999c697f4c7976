internal import HTTPWire
internal import JSONText
internal import Routing

/// The body of a request to sign in: `{"token": "…"}`.
struct SignInRequest {
  /// A token has at most 256 characters, of which each may be escaped.
  static let maxBytes = 2048

  let token: String

  init(body: [UInt8]) throws(Problem) {
    let text = body.span
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw Problem(.badRequest, .malformedJSON, "the body is not a JSON object: \(error)")
    }
    guard object.members.count == 1, let token = object.value(named: "token", in: text)?.text(in: text) else {
      throw Problem(
        .unprocessableContent, .invalidRequest, "the only member is `token`, one of API_TOKENS as a string")
    }
    self.token = token
  }
}
