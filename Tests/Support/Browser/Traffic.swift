internal import Foundation
internal import LiveDaemon

/// A line of the browser's console.
package struct ConsoleMessage: CustomStringConvertible {
  /// `SEVERE` for errors.
  package let level: String
  package let text: String

  package var isError: Bool { level == "SEVERE" }
  package var description: String { "\(level) \(text)" }
}

/// A request that a page made.
package struct PageRequest {
  package let url: String
  /// Such as `Document`, `Fetch`, `EventSource` or `Image`.
  package let kind: String
  /// Whether it was refused before it was sent, such as by the Content-Security-Policy.
  package fileprivate(set) var isBlocked = false
  /// The bytes of its answer, as they were encoded. Nil until it has ended.
  package fileprivate(set) var bytes: Int?

  /// Whether it could leave the browser: a `data:` or `blob:` URL is content.
  package var isRemote: Bool { !["data:", "blob:", "about:"].contains { url.hasPrefix($0) } }
}

/// What the browser wrote to its logs.
struct Traffic {
  var console: [ConsoleMessage] = []
  var requests: [PageRequest] = []
  private var places: [String: Int] = [:]

  /// Adds an event of the Chrome DevTools Protocol's domain Network.
  mutating func add(_ event: [String: Any]) {
    guard let method = event["method"] as? String, let facts = event["params"] as? [String: Any],
      let id = facts["requestId"] as? String
    else { return }
    switch method {
    case "Network.requestWillBeSent":
      guard let url = (facts["request"] as? [String: Any])?["url"] as? String else { return }
      places[id] = requests.count
      requests.append(PageRequest(url: url, kind: facts["type"] as? String ?? ""))
    case "Network.webSocketCreated", "Network.webTransportCreated":
      requests.append(PageRequest(url: facts["url"] as? String ?? "", kind: "Socket"))
    case "Network.loadingFailed":
      if let place = places[id] { requests[place].isBlocked = facts["blockedReason"] != nil }
    case "Network.loadingFinished":
      if let place = places[id] { requests[place].bytes = facts["encodedDataLength"] as? Int }
    default: break
    }
  }
}

extension Browser {
  /// Every request of the page since the last ``reset()``.
  package var requests: [PageRequest] { get throws { try readLogs().requests } }

  /// Every line of the console since the last ``reset()``.
  package var console: [ConsoleMessage] { get throws { try readLogs().console } }

  /// What the Content-Security-Policy of the present document has blocked.
  package var policyViolations: [String] {
    get throws { try run("return window.policyViolations ?? [];") as? [String] ?? [] }
  }

  /// Reads what the driver has logged since the last call.
  func readLogs() throws -> Traffic {
    for entry in try log("performance") {
      guard let text = entry["message"] as? String,
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
        let event = object["message"] as? [String: Any]
      else { continue }
      traffic.add(event)
    }
    for entry in try log("browser") {
      traffic.console.append(
        ConsoleMessage(level: entry["level"] as? String ?? "", text: entry["message"] as? String ?? ""))
    }
    return traffic
  }

  private func log(_ kind: String) throws -> [[String: Any]] {
    try send("POST", "/se/log", ["type": kind]) as? [[String: Any]] ?? []
  }
}
