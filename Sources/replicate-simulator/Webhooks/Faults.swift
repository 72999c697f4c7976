/// What goes wrong on purpose, decided by the seed and what it happens to.
struct Faults: Equatable, Sendable {
  /// Chances from 0 to 1.
  struct Chances: Equatable, Sendable {
    var losing = 0.0
    var duplicating = 0.0
    var reordering = 0.0
    var failing = 0.0
  }

  let chances: Chances
  private let dice: Dice

  init(chances: Chances, seed: UInt64) {
    self.chances = chances
    dice = Dice(seed: seed)
  }

  /// How much later a webhook that is to be overtaken is sent at the least.
  private static let shortestDetour: Duration = .milliseconds(600)
  private static let longestGap: Duration = .seconds(1)

  /// The delays after which the `index`-th webhook of the `ordinal`-th prediction is sent: usually one, zero. None: it
  /// is never sent. Two: it is sent twice.
  ///
  /// - Parameter remaining: how long the prediction goes on, and tells of it.
  func delays(ofWebhook index: Int, ofPrediction ordinal: Int, remaining: Duration) -> [Duration] {
    guard dice.roll(.losing, for: ordinal, index) >= chances.losing else { return [] }
    var delay = Duration.zero
    if dice.roll(.reordering, for: ordinal, index) < chances.reordering {
      delay = Self.shortestDetour + remaining.part(dice.roll(.reorderDelay, for: ordinal, index))
    }
    guard dice.roll(.duplicating, for: ordinal, index) < chances.duplicating else { return [delay] }
    return [delay, delay + Self.longestGap.part(dice.roll(.duplicateDelay, for: ordinal, index))]
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
    guard dice.roll(.failing, for: ordinal) < chances.failing else { return nil }
    let kinds = Failure.allCases
    return kinds[Int(dice.roll(.failureKind, for: ordinal) * Double(kinds.count))]
  }
}
