package import StoreSeam
internal import System
package import WorkflowDefinitions

/// The definitions that were used last. They never change, so none is ever stale.
///
/// A decision takes 24 µs with a parsed definition, and three times as long without.
package final class DefinitionCache: Sendable {
  private struct Entry {
    let definition: WorkflowDefinition
    let digest: [UInt8]
  }

  /// Two generations: what was not used since the last turn is evicted with the next, at no cost for each.
  private struct Content {
    var newer: [String: Entry] = [:]
    var older: [String: Entry] = [:]
    /// Of the texts in `newer`.
    var bytes = 0
  }

  private let content = Lock(Content())

  /// Of the texts in each generation.
  private let maxBytes: Int

  package init(maxBytes: Int = 2 << 20) { self.maxBytes = maxBytes }

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

  package func known(_ id: String, _ digest: [UInt8]) -> WorkflowDefinition? {
    content.withLock { content in
      if let known = content.newer[id] { return known.digest == digest ? known.definition : nil }
      guard let known = content.older[id], known.digest == digest else { return nil }
      keep(known, of: id, in: &content)
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
    content.withLock { keep(Entry(definition: definition, digest: digest), of: id, in: &$0) }
  }

  private func keep(_ entry: Entry, of id: String, in content: inout Content) {
    let replaced = content.newer.updateValue(entry, forKey: id)
    content.bytes += entry.definition.text.count - (replaced?.definition.text.count ?? 0)
    guard content.bytes > maxBytes else { return }
    content.older = content.newer
    content.newer = [:]
    content.bytes = 0
  }
}
