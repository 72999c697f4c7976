internal import JSONText

/// The request of a retry: an earlier request with some of its members replaced.
package enum RetryRequest {
  private static let targets = ["model", "version", "deployment"]

  /// The text of the request.
  ///
  /// A member of `changes` replaces the whole member of that name, and one that is null removes it. What
  /// names another model replaces what named the earlier one. The earlier `id` is not taken over.
  package static func make(
    from earlier: [UInt8], changes: [UInt8]
  ) throws(PredictionRequestError) -> [UInt8] {
    let (old, new) = (try members(of: earlier), changes.isEmpty ? [] : try members(of: changes))
    var replaced = Set(new.map(\.name)).union(["id"])
    if !replaced.isDisjoint(with: targets) { replaced.formUnion(targets) }
    var writer = JSONWriter(capacity: earlier.count + changes.count)
    writer.object { object in
      for member in old where !replaced.contains(member.name) {
        object.member(named: member.name) { $0.raw(earlier[member.value.range]) }
      }
      for member in new where member.value.kind != .null {
        object.member(named: member.name) { $0.raw(changes[member.value.range]) }
      }
    }
    return writer.bytes
  }

  private static func members(
    of text: [UInt8]
  ) throws(PredictionRequestError) -> [(name: String, value: JSONValue)] {
    do throws(JSONError) {
      let object = try JSONScanner.object(text.span)
      return object.members.map { (JSONString.decode($0.name, of: text.span), $0.value) }
    } catch {
      throw .malformedJSON(error)
    }
  }
}
