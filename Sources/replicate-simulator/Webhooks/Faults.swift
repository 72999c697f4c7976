/// What goes wrong on purpose, decided by the seed and what it happens to.
struct Faults: Equatable, Sendable {
  /// Probabilities from 0 to 1.
  struct Probabilities: Equatable, Sendable {
    var losing = 0.0
    var duplicating = 0.0
    var reordering = 0.0
    var failing = 0.0
  }

  let probabilities: Probabilities
  private let dice: Dice

  init(probabilities: Probabilities, seed: UInt64) {
    self.probabilities = probabilities
    dice = Dice(seed: seed)
  }

  /// How much later a webhook that is to be overtaken is sent at the least.
  private static let minReorderDelay: Duration = .milliseconds(600)
  private static let maxDuplicateDelay: Duration = .seconds(1)

  /// The delays after which the `index`-th webhook of the `ordinal`-th prediction is sent: usually one, zero. None: it
  /// is never sent. Two: it is sent twice.
  ///
  /// - Parameter remaining: how long the prediction goes on, and tells of it.
  func delays(ofWebhook index: Int, ofPrediction ordinal: Int, remaining: Duration) -> [Duration] {
    guard dice.roll(.losing, for: ordinal, index) >= probabilities.losing else { return [] }
    var delay = Duration.zero
    if dice.roll(.reordering, for: ordinal, index) < probabilities.reordering {
      delay = Self.minReorderDelay + remaining.part(dice.roll(.reorderDelay, for: ordinal, index))
    }
    guard dice.roll(.duplicating, for: ordinal, index) < probabilities.duplicating else { return [delay] }
    return [delay, delay + Self.maxDuplicateDelay.part(dice.roll(.duplicateDelay, for: ordinal, index))]
  }

  enum Failure: Equatable, CaseIterable, Sendable {
    /// The request has had no effect.
    case errorBefore, unavailableBefore
    /// It has had its effect, and its sender is told otherwise.
    case errorAfter, unavailableAfter

    var isBefore: Bool { self == .errorBefore || self == .unavailableBefore }
  }

  /// How the `ordinal`-th request to the API fails; nil where it does not.
  func failure(ofRequest ordinal: Int) -> Failure? {
    guard dice.roll(.failing, for: ordinal) < probabilities.failing else { return nil }
    let kinds = Failure.allCases
    return kinds[Int(dice.roll(.failureKind, for: ordinal) * Double(kinds.count))]
  }
}
