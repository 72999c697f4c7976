internal import Bytes
internal import JSONText

/// A page of the list of predictions, newest first.
package struct PredictionPage: Equatable, Sendable {
  /// Where each prediction is in the page's body: each is a body of its own for ``Prediction/init(body:)``.
  package let predictions: [Range<Int>]
  /// Where the next page is, as a path and a query; nil on the last page. The host that the body names is left out, so
  /// that the token goes to no other host than the first call did.
  package let next: String?

  /// Pages have a hundred.
  private static let mostPredictions = 1000
  private static let longestURL = 4096

  /// Nil where the body is not a page: no `results`, more of them than a page has, or a `next` that leads elsewhere.
  package init?(body: Span<UInt8>) {
    // The body is validated as a whole by the first call, so the second does not fail.
    guard let object = try? JSONScanner.object(body), let results = object.value(named: "results", in: body),
      results.kind == .array, let elements = try? JSONScanner.elements(results, in: body),
      elements.count <= Self.mostPredictions
    else { return nil }
    predictions = elements.map(\.range)
    guard let next = object.value(named: "next", in: body), next.kind != .null else {
      self.next = nil
      return
    }
    guard next.range.count <= Self.longestURL, let url = next.text(in: body),
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
    // A fragment is not sent, and the rest could end a request's line.
    guard path.starts(with: "/v1/predictions".utf8),
      path.dropFirst("/v1/predictions".utf8.count).first.map({ $0 == UInt8(ascii: "?") }) ?? true,
      path.allSatisfy({ $0.isVisible && !"#\\\"<>".utf8.contains($0) })
    else { return nil }
    return String(decoding: path, as: UTF8.self)
  }
}
