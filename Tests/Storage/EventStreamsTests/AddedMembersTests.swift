import EventStreams
import JobsAPI
import Settings
import SimulatedAPI
import StoreFixture
import StoreSeam
import Testing

/// What a capability adds to the documents of jobs.
@Suite(.everyStore) struct AddedMembersTests {
  /// Adds its number to a job's document, and the size of the page to all rows of a list but the first.
  private struct Source: Capability, JobMembers {
    init() {}
    init(from reader: inout SettingsReader) {}

    var jobMembers: (any JobMembers)? { self }

    func members(
      ofJob number: Int64, id: String, in reader: any StoreReader
    ) async throws(StorageError) -> [JobMember] {
      let epoch = try await reader.feedPosition().epoch
      return [
        JobMember("of_job", Array("\"\(epoch.isEmpty ? 0 : number)\"".utf8)),
        JobMember("list", Array("[]".utf8)),
      ]
    }

    func members(
      ofJobs numbers: [Int64], in reader: any StoreReader
    ) async throws(StorageError) -> [Int64: [JobMember]] {
      let text = Array("\(numbers.count)".utf8)
      return Dictionary(uniqueKeysWithValues: numbers.dropFirst().map { ($0, [JobMember("of_page", text)]) })
    }
  }

  private func filled() throws -> SimulatedAPI {
    let api = try SimulatedAPI.withEvents(beside: [Source(), Source()])
    for number in 1...3 { try api.deliver("p\(number)", "processing") }
    return api
  }

  @Test(arguments: ["/jobs/p2", "/jobs/p2?wait=1s", "/jobs/p2?token=\(SimulatedAPI.jobToken)"])
  func `a job's document has all of them`(_ target: String) throws {
    let api = try filled()
    if target.contains("wait") { try api.deliver("p2", "succeeded") }
    let text = api.send(target).text
    #expect(text.matches(of: /"of_job":"\d+","list":\[\]/).count == 2, "\(text)")
    #expect(!text.contains("of_page"))
  }

  @Test func `a list and the feed have those of their pages`() throws {
    let api = try filled()
    for target in ["/jobs", "/events"] {
      let text = api.send(target).text
      #expect(text.matches(of: /"of_page":3/).count == 4, "\(text)")
      #expect(!text.contains("of_job"))
    }
    #expect(!api.send("/jobs?limit=1").text.contains("of_page"))
    #expect(api.send("/jobs?state=failed").text.contains(#""jobs":[]"#))
  }

  /// The stream is awake for it, and the client's copy is outdated.
  @Test func `a touch shows them again`() throws {
    let api = try filled()
    let stream = api.send("/jobs/p1/events", fields: ["Accept: text/event-stream"])
    let tag = try #require(api.send("/jobs/p1").field("etag"))
    #expect(api.send("/jobs/p1", fields: ["If-None-Match: \(tag)"]).status == 304)
    #expect(stream.events.count == 1)
    try api.touch(try #require(Int64(stream.events[0].member("of_job") ?? "")))
    #expect(api.send("/jobs/p1", fields: ["If-None-Match: \(tag)"]).status == 200)
    #expect(stream.events.count == 2)
    #expect(stream.events.last?.data?.contains(#""revision":2"#) == true)
  }
}
