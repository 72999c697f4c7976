import Foundation
import SimulatedAPI
import Testing

/// A page of `/events`, as an app reads it.
struct FeedPage {
  let events: [Event]
  let next: String
  let hasMore: Bool

  struct Event: Equatable {
    let name: String
    let cursor: String
    let id: String
    let state: String?

    init?(_ object: [String: Any]) {
      guard let name = object["event"] as? String, let cursor = object["cursor"] as? String,
        let data = object["data"] as? [String: Any], let id = data["id"] as? String
      else { return nil }
      (self.name, self.cursor, self.id) = (name, cursor, id)
      state = data["state"] as? String
    }

    /// `job p1 running`
    var summary: String { [name, id, state].compactMap(\.self).joined(separator: " ") }
  }

  init(_ response: SimulatedResponse) throws {
    try #require(response.status == 200, "\(response.text)")
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(response.text.utf8)) as? [String: Any])
    events = try #require(object["events"] as? [[String: Any]]).compactMap(Event.init)
    next = try #require(object["next"] as? String)
    hasMore = try #require(object["more"] as? Bool)
  }

  var summaries: [String] { events.map(\.summary) }
}

extension SimulatedAPI {
  func page(_ query: String = "") throws -> FeedPage { try FeedPage(send("/events\(query)")) }
}
