import Foundation
import LiveDaemon
import Testing

extension ProcessTests {
  /// What a list of jobs shows and is filtered by, beside its state and model.
  @Suite struct ListTests {
    private func daemon() throws -> Daemon {
      let daemon = try Daemon(
        in: try TemporaryFolder(),
        environment: [
          "REPLICATE_API_TOKEN": "r8_0123456789", "REPLICATE_API_URL": "http://127.0.0.1:1",
          "PUBLIC_URL": "https://hooks.example.com",
        ])
      for (id, metadata) in [
        ("one", #"{ "user": "7", "n": 1.0, "on": true }"#), ("two", #"{"user":7,"a b/é":"x&y=z"}"#),
        ("three", #"{"user":"8","deep":{"user":"7"}}"#),
      ] {
        let answer = try daemon.post(
          #"{"model":"a/b","input":{"prompt":"\#(id)"},"id":"\#(id)","metadata":\#(metadata)}"#)
        #expect(answer.status == 202)
      }
      _ = try daemon.post(SignedDelivery(id: "m", prediction: "p1", status: "succeeded"))
      return daemon
    }

    private func ids(_ daemon: Daemon, _ query: String) throws -> [String] {
      try rows(daemon, query).compactMap { $0["id"] as? String }
    }

    private func rows(_ daemon: Daemon, _ query: String) throws -> [[String: Any]] {
      let answer = try daemon.fetch("/jobs?\(query)")
      #expect(answer.status == 200, "\(answer.text)")
      let document = try #require(
        JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
      return try #require(document["jobs"] as? [[String: Any]])
    }

    @Test func `jobs are filtered by metadata and listed by ids`() throws {
      let daemon = try daemon()
      for (query, expected) in [
        ("metadata.user=7", ["two", "one"]), ("metadata.user=7&metadata.on=true", ["one"]),
        ("metadata.n=1.0", ["one"]), ("metadata.n=1", []), ("metadata.user=7&limit=1", ["two"]),
        ("metadata.user=7&state=succeeded", []), ("metadata.user=7&model=a/b&after=2", ["one"]),
        ("metadata.a%20b%2F%C3%A9=x%26y%3Dz", ["two"]), ("metadata.deep=7", []),
        ("ids=one,p1,none", ["p1", "one"]), ("ids=one,two&metadata.n=1.0", ["one"]),
      ] as [(String, [String])] {
        #expect(try ids(daemon, query) == expected, "\(query)")
      }
    }

    @Test func `a row has metadata, progress and what is included`() throws {
      let daemon = try daemon()
      let plain = try daemon.fetch("/jobs?ids=one,p1").text
      #expect(plain.contains(#""metadata":{ "user": "7", "n": 1.0, "on": true }"#))
      #expect(plain.contains(#""progress":1.0000"#) && !plain.contains(#""input""#))
      let rows = try rows(daemon, "ids=one,p1&include=input,output,metrics")
      #expect((rows.last?["input"] as? [String: String]) == ["prompt": "one"])
      let whole = try daemon.job("p1")
      for name in ["input", "output", "metrics", "progress"] {
        #expect(rows.first?[name] as? NSObject == whole[name] as? NSObject, "\(name)")
      }
      #expect(rows.first?["output"] != nil && rows.first?["logs_tail"] == nil)
    }

    @Test func `an invalid filter is refused`() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let filters = [
        "metadata.=1", "metadata.a=1&metadata.a=2", "metadata.\(String(repeating: "k", count: 65))=1",
        "metadata.a=\(String(repeating: "v", count: 257))", "metadata=1", "Metadata.a=1", "ids=", "ids=a,,b",
        "ids=\((1...101).map { "j\($0)" }.joined(separator: ","))", "include=", "include=logs",
        "include=output,input,", "metadata.a=%ff",
        (1...17).map { "metadata.k\($0)=1" }.joined(separator: "&"),
      ]
      for filter in filters {
        let answer = try daemon.fetch("/jobs?\(filter)")
        #expect(answer.status == 400 && answer.code == "invalid_parameter", "\(filter)")
      }
    }

    @Test func `the command passes filters and parts on`() throws {
      let daemon = try daemon()
      let environment = ["API_LISTEN": "127.0.0.2:\(daemon.apiPort)"]
      let result = try Program.run(
        [
          "jobs", "--json", "--metadata", "user=7", "--metadata", "a b/é=x&y=z", "--ids", "one,two",
          "--include", "input",
        ], environment: environment)
      #expect(result.status == 0 && result.output.contains(#""id":"two""#), "\(result.error)")
      #expect(result.output.contains(#""input":{"prompt":"two"}"#) && !result.output.contains(#""one""#))
      let malformed = try Program.run(["jobs", "--metadata", "user"], environment: environment)
      #expect(malformed.status == 64 && malformed.error.contains("KEY=VALUE"))
    }

    @Test func usageIsGroupedByMetadata() throws {
      let daemon = try daemon()
      let path = "/usage?group_by=metadata.user"
      #expect(try daemon.fetch(path).text.contains(#""group_by":"metadata.user","groups":[]"#))
      // An order in flight is canceled once its call has failed.
      #expect(try daemon.post("", to: "/jobs/one/cancel", fields: []).status <= 202)
      for _ in 0..<3000 {
        if try daemon.fetch(path).text.contains(
          #""groups":[{"value":"7","succeeded":0,"failed":0,"canceled":1"#)
        {
          return
        }
        poll(nil, 0, 10)
      }
      Issue.record("the canceled job is not counted")
    }

    @Test func usageRejectsInvalidGroups() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      for query in [
        "group_by=model", "group_by=metadata.", "after=0.a", "limit=5", "group_by=metadata.a&after=x",
        "group_by=metadata.a&limit=1001", "group_by=metadata.a&group_by=metadata.b",
      ] {
        let answer = try daemon.fetch("/usage?\(query)")
        #expect(answer.status == 400 && answer.code == "invalid_parameter", "\(query)")
      }
    }
  }
}
