/// Fault injection, determined by the seed and the webhook or request.
struct Faults: Equatable, Sendable {
  /// Probabilities from 0 to 1.
  struct Probabilities: Equatable, Sendable {
    var losing = 0.0
    var duplicating = 0.0
    var reordering = 0.0
    var failing = 0.0
    /// Of requests for files.
    var failingFiles = 0.0
  }

  let probabilities: Probabilities
  private let dice: Dice

  init(probabilities: Probabilities, seed: UInt64) {
    self.probabilities = probabilities
    dice = Dice(seed: seed)
  }

  /// The minimum delay of a reordered webhook.
  private static let minReorderDelay: Duration = .milliseconds(600)
  private static let maxDuplicateDelay: Duration = .seconds(1)

  /// The delays at which copies of a webhook are sent.
  ///
  /// Usually one delay of zero. None: the webhook is never sent. Two: it is sent twice.
  ///
  /// - Parameter remaining: how long the prediction keeps running and sending webhooks.
  func delays(ofWebhook index: Int, ofPrediction ordinal: Int, remaining: Duration) -> [Duration] {
    guard dice.roll(.losing, for: ordinal, index) >= probabilities.losing else { return [] }
    var delay = Duration.zero
    if dice.roll(.reordering, for: ordinal, index) < probabilities.reordering {
      delay = Self.minReorderDelay + remaining.part(dice.roll(.reorderDelay, for: ordinal, index))
    }
    guard dice.roll(.duplicating, for: ordinal, index) < probabilities.duplicating else { return [delay] }
    return [delay, delay + Self.maxDuplicateDelay.part(dice.roll(.duplicateDelay, for: ordinal, index))]
  }

  /// The injected failure of the request number `number` for a file; nil if none.
  func fileFailure(of index: Int, ofPrediction ordinal: Int, request number: Int) -> FileFailure? {
    let request = index << 32 | number
    guard dice.roll(.failingFile, for: ordinal, request) < probabilities.failingFiles else { return nil }
    let kinds: [FileFault] = [.busy, .missing, .cut]
    return FileFailure(
      fault: kinds[Int(dice.roll(.fileFailureKind, for: ordinal, request) * Double(kinds.count))],
      part: dice.roll(.filePart, for: ordinal, request))
  }

  enum Failure: Equatable, CaseIterable, Sendable {
    /// The request has no effect.
    case errorBefore, unavailableBefore
    /// The request has its effect, but the response reports an error.
    case errorAfter, unavailableAfter

    var isBefore: Bool { self == .errorBefore || self == .unavailableBefore }
  }

  /// The injected failure of API request number `ordinal`; nil if none.
  func failure(ofRequest ordinal: Int) -> Failure? {
    guard dice.roll(.failing, for: ordinal) < probabilities.failing else { return nil }
    let kinds = Failure.allCases
    return kinds[Int(dice.roll(.failureKind, for: ordinal) * Double(kinds.count))]
  }
}

/// A failure of one request for a file.
struct FileFailure: Equatable, Sendable {
  let fault: FileFault
  /// The part of the content before a cut, 0 to 1.
  let part: Double
}
