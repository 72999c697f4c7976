internal import HTTPWire
internal import JSONText

/// An error response of the API, worded like Replicate's.
struct APIProblem: Error, Equatable, Sendable {
  let status: Status
  let title: String?
  let detail: String
  /// Whole seconds; in the body, because Replicate sends no Retry-After field.
  private(set) var retryAfter: Int?
  private(set) var invalidField: InvalidInput?

  init(_ status: Status, title: String? = nil, _ detail: String) {
    self.status = status
    self.title = title
    self.detail = detail
  }

  static let unauthenticated = APIProblem(
    .unauthorized, title: "Unauthenticated", "You did not pass a valid authentication token")
  static let insufficientCredit = APIProblem(
    .paymentRequired, title: "Insufficient credit",
    "You have insufficient credit to run this model. Start the simulator with more --credit.")
  static let notFound = APIProblem(.notFound, "The requested resource could not be found.")
  static let invalidSignature = APIProblem(
    .forbidden, "The URL is not signed, or has expired: use the one in the file's urls.download.")
  static let noDestination = APIProblem(.notFound, "The specified training destination does not exist")
  static let fileTooLarge = APIProblem(.contentTooLarge, "Files must be less than 100MB in size")
  static let invalidVersion = APIProblem(
    .unprocessableContent, title: "Invalid version or not permitted",
    "The specified version does not exist (or perhaps you don't have permission to use it?)")
  static let internalError = APIProblem(.internalServerError, "Internal server error")
  static let unavailable = APIProblem(
    .serviceUnavailable, "The service is temporarily unavailable. Please try again later.")
  static let full = APIProblem(
    .serviceUnavailable, "As many predictions are running as --max-predictions allows.")

  static func malformed(_ error: JSONError) -> APIProblem {
    APIProblem(.badRequest, title: "Invalid request body", "The body is not a JSON object: \(error)")
  }

  static func invalid(_ input: InvalidInput) -> APIProblem {
    var problem = APIProblem(
      .unprocessableContent, title: "Input validation failed", "- \(input.field): \(input.description)\n")
    problem.invalidField = input
    return problem
  }

  static func throttled(seconds: Int) -> APIProblem {
    var problem = APIProblem(
      .tooManyRequests, "Request was throttled. Your rate limit resets in ~\(seconds)s.")
    problem.retryAfter = seconds
    return problem
  }

  var response: Response {
    var writer = JSONWriter()
    writer.object { object in
      object.member("title", string: title)
      object.member("detail", string: detail)
      object.member("status", integer: status.code)
      object.member("retry_after", integer: retryAfter)
      if let invalidField {
        object.member("invalid_fields") { writer in
          writer.array([invalidField]) { writer, field in
            writer.object { object in
              object.member("field", string: field.field)
              object.member("description", string: field.description)
            }
          }
        }
      }
    }
    return Response(
      status: status, fields: [("Content-Type", "application/problem+json")], body: writer.bytes)
  }
}
