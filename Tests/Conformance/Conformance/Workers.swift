import Foundation
import Synchronization

/// A pool of threads that take items from one list.
///
/// A case that waits thus delays no other, and no more connections are open than there are threads.
package enum Workers {
  /// The results in the order of `items`.
  package static func map<Item: Sendable, Result: Sendable>(
    _ items: [Item], threads: Int, _ transform: @escaping @Sendable (Item) -> Result
  ) -> [Result] {
    let state = Mutex((next: 0, results: [Result?](repeating: nil, count: items.count)))
    // Shared by reference, because a Mutex cannot be copied into several closures.
    let shared = Shared(state)
    let finished = DispatchGroup()
    for _ in 0..<min(threads, items.count) {
      finished.enter()
      Thread {
        while let index = shared.state.withLock({ state -> Int? in
          guard state.next < items.count else { return nil }
          state.next += 1
          return state.next - 1
        }) {
          let result = transform(items[index])
          shared.state.withLock { $0.results[index] = result }
        }
        finished.leave()
      }.start()
    }
    finished.wait()
    return shared.state.withLock { $0.results.compactMap(\.self) }
  }

  private final class Shared<Result: Sendable>: Sendable {
    let state: Mutex<(next: Int, results: [Result?])>

    init(_ state: consuming Mutex<(next: Int, results: [Result?])>) {
      self.state = state
    }
  }
}
