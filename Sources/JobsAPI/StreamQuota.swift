internal import HTTPWire
internal import Routing

/// Bounds the streams that share a key, such as a client's address or a token.
///
/// Used on its loop only.
final class StreamQuota<Key: Hashable> {
  private let max: Int
  private var counts: [Key: Int] = [:]

  /// - Parameter max: the maximum number of streams with the same key.
  init(max: Int) {
    self.max = max
  }

  /// Takes a place, which is free again when the returned object is released.
  func claim(_ key: Key) throws(Problem) -> StreamPlace {
    let count = counts[key] ?? 0
    guard count < max else {
      throw Problem(
        .tooManyRequests, .tooManyStreams, "\(max) streams are open already: close one, or try again",
        fields: [("Retry-After", "5")])
    }
    counts[key] = count + 1
    return StreamPlace { [self] in release(key) }
  }

  private func release(_ key: Key) {
    guard let count = counts[key] else { return }
    counts[key] = count > 1 ? count - 1 : nil
  }
}

/// The place of one stream in a ``StreamQuota``.
package final class StreamPlace {
  private let release: () -> Void

  fileprivate init(release: @escaping () -> Void) {
    self.release = release
  }

  deinit { release() }
}
