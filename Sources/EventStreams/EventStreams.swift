internal import HTTPServer
internal import HTTPWire
package import JobsAPI
package import Routing
package import Settings

/// The capability that streams changes: of one job, and of all.
package struct EventStreams: Capability {
  package init(from reader: inout SettingsReader) {}

  package func routes(_ api: APIContext) -> [Route] {
    let feed = FeedEndpoint(api)
    return [
      Route(
        .get, "/jobs/{id}/events", name: "job_events", summary: "Streams the states of a job, to its end.",
        access: api.access.readingJob.parsing { head, reader throws(Problem) in
          _ = try QueryParameters(head.target, allowing: reader.parameters)
          return reader
        }
      ) { stream throws(StreamFailure) in
        try await api.reads.events(to: stream, for: stream.path["id"], as: stream.admitted)
      },
      Route(
        .get, "/events", name: "events", summary: "Lists or streams what has changed after a cursor.",
        access: api.access.streaming.parsing(FeedRequest.init(_:until:)), respond: feed.page
      ).diverting(to: feed.stream) { FeedRequest.lasts($0) },
    ]
  }
}
