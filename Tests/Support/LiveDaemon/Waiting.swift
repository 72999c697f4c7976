import Foundation

/// Polls `condition` until it holds.
///
/// - Parameter what: the awaited event, for the error after `seconds`.
package func wait(_ what: String, seconds: Int = 30, until condition: () throws -> Bool) throws {
  let start = ContinuousClock.now
  while try !condition() {
    guard ContinuousClock.now - start < .seconds(seconds) else {
      throw Unusable("timed out after \(seconds) s waiting for \(what)")
    }
    poll(nil, 0, 5)
  }
}
