import Testing
import WorkflowDefinitions
import WorkflowRecords

@Suite struct DefinitionCacheTests {
  private static func definition(_ model: String = "m/m") throws -> WorkflowDefinition {
    try WorkflowDefinition(body: Array(#"{"steps":[{"name":"a","model":"\#(model)","input":{}}]}"#.utf8))
  }

  @Test func `another definition under the same id is not mixed up with the first`() throws {
    let (cache, one, other) = (DefinitionCache(), try Self.definition(), try Self.definition("m/n"))
    cache.keep(one, of: "w", digest: [1])
    #expect(cache.known("w", [2]) == nil)
    cache.keep(other, of: "w", digest: [2])
    #expect(cache.known("w", [2])?.text == other.text)
    #expect(cache.known("w", [1]) == nil)
  }

  @Test func `a definition that is used stays, and the others are evicted`() throws {
    let definition = try Self.definition()
    let cache = DefinitionCache(maxBytes: definition.text.count * 10)
    cache.keep(definition, of: "used", digest: [1])
    for index in 0..<100 {
      cache.keep(definition, of: "w\(index)", digest: [1])
      #expect(cache.known("used", [1]) != nil)
    }
    let kept = (0..<100).filter { cache.known("w\($0)", [1]) != nil }
    #expect(kept.last == 99 && kept.count <= 20)
  }

  @Test func `one definition that is kept again and again takes its room once`() throws {
    let definition = try Self.definition()
    let cache = DefinitionCache(maxBytes: definition.text.count * 3)
    cache.keep(definition, of: "w", digest: [1])
    for _ in 0..<100 { cache.keep(definition, of: "v", digest: [1]) }
    #expect(cache.known("w", [1]) != nil)
  }
}
