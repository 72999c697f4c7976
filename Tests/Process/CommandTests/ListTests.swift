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
        ("ended_by=webhook", ["p1"]), ("ended_by=poll", []), ("ended_by=webhook&state=failed", []),
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

    @Test func `jobs are listed by the time at which they were recorded`() throws {
      let daemon = try daemon()
      let all = ["p1", "three", "two", "one"]
      let times = try ["one", "two", "three"].map { id in
        try #require(try rows(daemon, "ids=\(id)").first?["created_at"] as? String)
      }
      for (query, expected) in [
        ("since=1h", all), ("since=2020-01-01&until=2999-01-01", all), ("until=1h", []),
        ("until=1h30m&since=7d", []),
        ("since=2999-01-01", []), ("until=2999-01-01T00:00:00+01:00", all), ("since=\(times[0])", all),
        ("since=2020-01-01T00:00:00%2B01:00&limit=2", ["p1", "three"]), ("until=\(times[0])", []),
        ("since=1h&state=succeeded", ["p1"]), ("since=1h&metadata.user=7", ["two", "one"]),
        ("since=1h&after=2", ["one"]),
      ] as [(String, [String])] {
        #expect(try ids(daemon, query) == expected, "\(query)")
      }
      if times[1] < times[2] {
        #expect(try ids(daemon, "since=\(times[0])&until=\(times[2])") == ["two", "one"])
        #expect(try ids(daemon, "since=\(times[2])") == ["p1", "three"])
      }
    }

    @Test func `an invalid time is refused`() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      for query in [
        "since=", "since=yesterday", "until=2026-02-30", "since=2026-11-30T10:00:00", "since=1", "since=-1h",
        "until=1.5h", "since=1h&since=2h", "since=1h&until=2h", "since=1h&until=1h", "until=36501d",
      ] {
        let answer = try daemon.fetch("/jobs?\(query)")
        #expect(answer.status == 400 && answer.code == "invalid_parameter", "\(query)")
        #expect(answer.text.contains("since") || answer.text.contains("until"), "\(answer.text)")
      }
      // Only the list has times.
      #expect(try daemon.fetch("/events?since=1h").code == "invalid_parameter")
      #expect(try daemon.fetch("/jobs?since=1h", method: "DELETE").code == "invalid_parameter")
    }

    @Test func `an invalid filter is refused`() throws {
      let daemon = try Daemon(in: try TemporaryFolder())
      let filters = [
        "metadata.=1", "metadata.a=1&metadata.a=2", "metadata.\(String(repeating: "k", count: 65))=1",
        "metadata.a=\(String(repeating: "v", count: 257))", "metadata=1", "Metadata.a=1", "ids=", "ids=a,,b",
        "ids=\((1...101).map { "j\($0)" }.joined(separator: ","))", "include=", "include=logs",
        "include=output,input,", "metadata.a=%ff", "ended_by=gone", "ended_by=",
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
          "--include", "input", "--since", "1h", "--until", "2999-01-01T00:00:00+01:00",
        ], environment: environment)
      #expect(result.status == 0 && result.output.contains(#""id":"two""#), "\(result.error)")
      #expect(result.output.contains(#""input":{"prompt":"two"}"#) && !result.output.contains(#""one""#))
      for (option, isFound) in [(["--ended-by", "webhook"], true), (["--lost"], false)] {
        let ended = try Program.run(["jobs", "--json"] + option, environment: environment)
        #expect(ended.output.contains(#""ended_by":"webhook""#) == isFound, "\(option) \(ended)")
        #expect(ended.status == 0 && ended.output.contains(#""jobs":["#), "\(option) \(ended)")
      }
      let both = try Program.run(["jobs", "--lost", "--ended-by", "poll"], environment: environment)
      #expect(both.status == 64 && both.error.contains("not both"))
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
