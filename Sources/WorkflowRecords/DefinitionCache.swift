package import StoreSeam
internal import System
package import WorkflowDefinitions

/// The definitions that were parsed last. They never change, so none is ever stale.
///
/// A decision takes 24 µs with a parsed definition, and three times as long without.
package final class DefinitionCache: Sendable {
  private struct Content {
    var definitions: [String: (definition: WorkflowDefinition, digest: [UInt8], use: Int)] = [:]
    var uses = 0
    var bytes = 0
  }

  private let content = Lock(Content())

  private static let maxBytes = 4 << 20

  package init() {}

  /// The definition of a workflow.
  ///
  /// - Parameters:
  ///   - digest: of the definition: after a deletion, another workflow may have the id.
  ///   - read: returns the stored text; called where it is not known.
  package func definition(
    of id: String, digest: [UInt8], reading read: () throws(StorageError) -> [UInt8]?
  ) throws(StorageError) -> WorkflowDefinition {
    if let known = known(id, digest) { return known }
    guard let text = try read() else { throw .corrupt("a workflow has no definition") }
    return try parsed(text, of: id, digest: digest)
  }

  func known(_ id: String, _ digest: [UInt8]) -> WorkflowDefinition? {
    content.withLock { content in
      guard let known = content.definitions[id], known.digest == digest else { return nil }
      content.uses += 1
      content.definitions[id]?.use = content.uses
      return known.definition
    }
  }

  func parsed(_ text: [UInt8], of id: String, digest: [UInt8]) throws(StorageError) -> WorkflowDefinition {
    // A stored one was accepted before, so parsing it succeeds.
    guard let definition = try? WorkflowDefinition(body: text) else {
      throw .corrupt("the definition of a workflow is damaged")
    }
    keep(definition, of: id, digest: digest)
    return definition
  }

  package func keep(_ definition: WorkflowDefinition, of id: String, digest: [UInt8]) {
    content.withLock { content in
      content.uses += 1
      content.bytes += definition.text.count - (content.definitions[id]?.definition.text.count ?? 0)
      content.definitions[id] = (definition, digest, content.uses)
      while content.bytes > Self.maxBytes, content.definitions.count > 1,
        let oldest = content.definitions.min(by: { $0.value.use < $1.value.use })
      {
        content.bytes -= oldest.value.definition.text.count
        content.definitions[oldest.key] = nil
      }
    }
  }
}
