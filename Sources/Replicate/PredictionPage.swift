internal import Bytes
internal import JSONText

/// A page of the list of predictions, newest first.
package struct PredictionPage: Equatable, Sendable {
  /// The range of each prediction, a body for ``Prediction/init(body:)``.
  package let predictions: [Range<Int>]
  /// Path and query of the next page; nil on the last page.
  ///
  /// The body's host is ignored, so that the token is sent only to the host of the first call.
  package let next: String?

  /// Replicate's pages have a hundred.
  private static let maxPredictions = 1000
  private static let maxURLBytes = 4096

  /// Nil where the body is not a page.
  ///
  /// Then it has no `results`, too many of them, or a `next` with another path.
  package init?(body: Span<UInt8>) {
    // The first call validates the whole body, so the second does not fail.
    guard let object = try? JSONScanner.object(body), let results = object.value(named: "results", in: body),
      results.kind == .array, let elements = try? JSONScanner.elements(results, in: body),
      elements.count <= Self.maxPredictions
    else { return nil }
    predictions = elements.map(\.range)
    guard let next = object.value(named: "next", in: body), next.kind != .null else {
      self.next = nil
      return
    }
    guard next.range.count <= Self.maxURLBytes, let url = next.text(in: body),
      let path = Self.path(of: url)
    else { return nil }
    self.next = path
  }

  private static func path(of url: String) -> String? {
    let bytes = Array(url.utf8)
    guard let scheme = ["https://", "http://"].first(where: { bytes.starts(with: $0.utf8) }),
      let slash = bytes.dropFirst(scheme.utf8.count).firstIndex(of: UInt8(ascii: "/"))
    else { return nil }
    let path = bytes[slash...]
    // A fragment is not sent. The other bytes could end the request line.
    guard path.starts(with: "/v1/predictions".utf8),
      path.dropFirst("/v1/predictions".utf8.count).first.map({ $0 == UInt8(ascii: "?") }) ?? true,
      path.allSatisfy({ $0.isVisible && !"#\\\"<>".utf8.contains($0) })
    else { return nil }
    return String(decoding: path, as: UTF8.self)
  }
}
