internal import Replicate
internal import System

/// Ids that only the route for trainings knows, as far as this process has found out.
///
/// It only saves calls: an id that is missing costs one more.
final class KnownTrainings: Sendable {
  private static let maxCount = 10_000

  private let ids = Lock(Set<String>())

  /// The order in which to call the two routes.
  func routes(for id: String) -> [ReplicateClient.Kind] {
    ids.withLock { $0.contains(id) } ? [.trainings, .predictions] : [.predictions, .trainings]
  }

  func insert(_ id: String) {
    ids.withLock { ids in
      if ids.count >= Self.maxCount { ids.removeAll() }
      ids.insert(id)
    }
  }
}
