/// What Replicate's API answers to a call that is about one prediction: create, get, cancel.
package enum APIAnswer: Sendable {
  /// The prediction as it is now: 200, 201 (created), or 202 (created, and not all of its output is there).
  case prediction(Prediction)
  case failure(APIFailure)

  /// `retryAfter` is the value of the header of that name, where there was one.
  package init(status: Int, retryAfter: String?, body: Span<UInt8>) {
    if let failure = APIFailure(status: status, retryAfter: retryAfter, body: body) {
      self = .failure(failure)
      return
    }
    do throws(PredictionError) {
      self = .prediction(try Prediction(body: body))
    } catch {
      self = .failure(.unintelligible(status: status))
    }
  }
}
