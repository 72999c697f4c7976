/// Ids that only the route of trainings knows, found by this process.
///
/// The cache only saves calls: a missing id costs one more.
package struct KnownTrainings {
  private static let maxCount = 10_000

  private var ids: Set<String> = []

  package init() {}

  /// The order in which to call the two routes.
  package func routes(for id: String) -> [ReplicateClient.Kind] {
    ids.contains(id) ? [.trainings, .predictions] : [.predictions, .trainings]
  }

  package mutating func insert(_ id: String) {
    if ids.count >= Self.maxCount { ids.removeAll() }
    ids.insert(id)
  }
}
