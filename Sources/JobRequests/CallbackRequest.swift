internal import Bytes
internal import JSONText

/// The member `callback` of a request: where the app is notified of this job.
package struct CallbackRequest: Equatable, Sendable {
  /// Events that are sent only where a request names them. Ends and `stale` always are.
  package enum Event: String, CaseIterable, Sendable {
    case running
    case progress
  }

  package let url: String
  package let events: Set<Event>

  /// In bytes of the URL.
  package static let maxURLBytes = 2048
  /// In bytes of JSON text: a URL in escapes, and the events.
  package static let maxTextBytes = 6 * maxURLBytes + 1024

  /// - Parameter text: a JSON object.
  package init(_ text: Span<UInt8>) throws(PredictionRequestError) {
    let members = try Self.members(of: text)
    guard let value = members["url"],
      let url = value.range.count <= Self.maxTextBytes ? value.text(in: text) : nil,
      (1...Self.maxURLBytes).contains(url.utf8.count), url.utf8.allSatisfy(\.isVisible)
    else {
      throw Self.fault("`url` must be a URL of at most \(Self.maxURLBytes) visible ASCII characters")
    }
    self.url = url
    events = try Self.events(members["events"], in: text)
  }

  private static func members(of text: Span<UInt8>) throws(PredictionRequestError) -> StrictMembers {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw .malformedJSON(error)
    }
    do throws(StrictMembers.Fault) {
      return try StrictMembers(object, of: text, known: ["url", "events"])
    } catch {
      switch error {
      case .unknown(let name): throw fault("`\(name)` is no member of it; these are: url, events")
      case .repeated(let name): throw fault("`\(name)` occurs twice; leave one")
      }
    }
  }

  private static func events(
    _ value: JSONValue?, in text: Span<UInt8>
  ) throws(PredictionRequestError) -> Set<Event> {
    guard let value else { return [] }
    let fault = fault("`events` must be an array of running, progress; ends and stale are always sent")
    guard value.kind == .array, value.range.count <= 256,
      let elements = try? JSONScanner.elements(value, in: text)
    else { throw fault }
    var events: Set<Event> = []
    for element in elements {
      guard let event = element.text(in: text).flatMap(Event.init(rawValue:)) else { throw fault }
      events.insert(event)
    }
    return events
  }

  private static func fault(_ reason: String) -> PredictionRequestError {
    .invalid(field: "callback", reason: "`callback`: \(reason).")
  }
}

extension RequestMembers {
  func callback(_ text: [UInt8]?) throws(PredictionRequestError) -> CallbackRequest? {
    guard let text else { return nil }
    return try CallbackRequest(text.span)
  }
}
