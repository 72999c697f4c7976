import HTTPWire
import Observability
import Routing
import Testing
import Time

@testable import ServerMetrics

/// What `/metrics` shows of requests.
@Suite struct RequestMetricsTests {
  private let metrics = RequestMetrics()

  private var samples: [String] {
    MetricsPage(metrics.families).text.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { String($0.dropFirst("replicate_webhookd_request".count)) }
  }

  private func table(_ paths: PathPattern...) throws -> RouteTable {
    try RouteTable(
      paths.map {
        Route(.get, $0, name: "test", summary: "Tests.", access: .open) { _ in
          Response(status: .ok, fields: [], body: [])
        }
      })
  }

  private func moment(_ microseconds: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: 5_000_000_000 + microseconds * 1000)
  }

  @Test func `a route without requests has no samples`() throws {
    metrics.measure(try table("/jobs", "/jobs/{id}"), of: "api")
    #expect(samples.isEmpty)
  }

  @Test func `responses are counted by route and status`() throws {
    let table = try table("/jobs/{id}")
    metrics.measure(table, of: "api")
    let responses = table.routes[0].responses[0]
    for status in [200, 200, 206, 304, 431, 503] { responses.noteResponse(status) }
    table.unmatched.noteResponse(404)
    // HTTP defines none of these.
    for status in [-1, 0, 199, 232, 499, 600, .max, .min] { responses.noteResponse(status) }
    let route = #"s_total{method="GET",route="/jobs/{id}",status="#
    #expect(
      samples == [
        #"\#(route)"200"} 2"#, #"\#(route)"206"} 1"#, #"\#(route)"304"} 1"#, #"\#(route)"431"} 1"#,
        #"\#(route)"503"} 1"#, #"s_total{method="none",route="none",status="404"} 1"#,
      ])
  }

  @Test(
    arguments: [
      (0, "0.0005"), (500, "0.0005"), (501, "0.001"), (1000, "0.001"), (10_000_000, "10.0"),
      (10_000_001, "+Inf"),
    ] as [(UInt64, String)])
  func `a duration is counted up to its bound`(_ microseconds: UInt64, _ bound: String) throws {
    let table = try table("/jobs")
    metrics.measure(table, of: "api")
    table.routes[0].responses[0].noteResponse(200, since: moment(0), at: moment(microseconds))
    let buckets = samples.filter { $0.hasPrefix("_duration_seconds_bucket") }
    #expect(buckets.count == RouteResponses.bounds.count + 1)
    let counted = try #require(buckets.first { $0.hasSuffix(" 1") })
    #expect(counted.contains(#"le="\#(bound)"}"#))
    #expect(samples.contains(#"_duration_seconds_count{method="GET",route="/jobs"} 1"#))
  }

  /// The clock of a loop never goes back, but its turn may have begun after the reading.
  @Test func `a duration is never negative`() throws {
    let table = try table("/jobs")
    metrics.measure(table, of: "api")
    table.routes[0].responses[0].noteResponse(200, since: moment(9), at: moment(0))
    #expect(samples.contains(#"_duration_seconds_sum{method="GET",route="/jobs"} 0.0"#))
  }

  @Test func `listeners with the same route are added up`() throws {
    let tables = [try table("/jobs"), try table("/jobs", "/usage")]
    metrics.measure(tables[0], of: "api")
    metrics.measure(tables[1], of: "webhooks")
    for table in tables { table.routes[0].responses[0].noteResponse(200) }
    #expect(samples == [#"s_total{method="GET",route="/jobs",status="200"} 2"#])
    // A listener that is started again has new routes.
    metrics.measure(try table("/jobs"), of: "webhooks")
    #expect(samples == [#"s_total{method="GET",route="/jobs",status="200"} 1"#])
  }
}
