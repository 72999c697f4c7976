internal import Bytes
internal import JSONText

/// Typed and validated access to a request's members.
struct RequestMembers {
  private let members: StrictMembers

  init(body: Span<UInt8>) throws(PredictionRequestError) {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(body)
    } catch {
      throw .malformedJSON(error)
    }
    do throws(StrictMembers.Fault) {
      members = try StrictMembers(object, of: body, known: PredictionRequest.members)
    } catch {
      switch error {
      case .unknown(let name):
        let known = PredictionRequest.members.joined(separator: ", ")
        throw .invalid(field: name, reason: "`\(name)` is not a member of a request; these are: \(known).")
      case .repeated(let name):
        throw .invalid(field: name, reason: "`\(name)` occurs twice; leave one.")
      }
    }
  }

  subscript(_ name: String) -> JSONValue? { members[name] }

  /// The model to run, and its name if given.
  func target(
    in body: Span<UInt8>
  ) throws(PredictionRequestError) -> (PredictionRequest.Target, model: String?) {
    let given = ["model", "version", "deployment"].filter { members[$0] != nil }
    guard given.count == 1, let name = given.first, let value = members[name] else {
      throw .invalid(
        field: given.last ?? "model",
        reason: given.isEmpty
          ? "The body names no model to run; give `model`, `version` or `deployment`."
          : "\(given.map { "`\($0)`" }.joined(separator: " and ")) exclude each other; give one.")
    }
    // No name is nearly that long.
    let text = value.range.count <= 2048 ? value.text(in: body) ?? "" : ""
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let isNamed = ModelReference.isName(parts.first ?? "")
    let isPinned = parts.count == 2 && isNamed && ModelReference.isVersion(parts[1])
    switch name {
    case "model" where isPinned: return (.version(text), String(parts[0]))
    case "model" where isNamed && parts.count == 1: return (.model(text), text)
    case "version" where isPinned: return (.version(text), String(parts[0]))
    case "version" where ModelReference.isVersion(text): return (.version(text), nil)
    case "deployment" where isNamed && parts.count == 1: return (.deployment(text), nil)
    case "model":
      throw .invalid(
        field: name,
        reason: "`model` must be \"owner/name\" or \"owner/name:version\", a version 64 hex digits.")
    case "version":
      throw .invalid(
        field: name, reason: "`version` must be 64 lower-case hex digits, or \"owner/name:\" and these.")
    default:
      throw .invalid(field: name, reason: "`deployment` must be \"owner/name\".")
    }
  }

  func input(in body: Span<UInt8>) throws(PredictionRequestError) -> [UInt8] {
    guard let value = members["input"], value.kind == .object else {
      throw .invalid(field: "input", reason: "`input` must be a JSON object; give what the model takes.")
    }
    guard value.range.count <= PredictionRequest.maxInputBytes else {
      throw .inputTooLarge(reason: "`input` is larger than 4 MiB; give its files as URLs.")
    }
    var leaves = JSONLeaves(of: value)
    while let leaf = leaves.next(in: body) {
      guard leaf.value.range.count > PredictionRequest.maxDataURIBytes else { continue }
      // "data:" in escapes takes 30 bytes.
      if leaf.value.prefix(30, in: body)?.lowercased().hasPrefix("data:") ?? false {
        throw .inputTooLarge(
          reason: "`input` has a data URI of a file larger than 256 KiB; give the file as a URL.")
      }
    }
    return value.bytes(in: body)
  }

  func id(in body: Span<UInt8>) throws(PredictionRequestError) -> String? {
    guard let value = members["id"] else { return nil }
    // 64 characters in escapes, and two quotes.
    let id = value.range.count <= 64 * 6 + 2 ? value.text(in: body) ?? "" : ""
    guard (1...64).contains(id.utf8.count),
      id.utf8.allSatisfy({ $0.isAlphanumeric || "-_".utf8.contains($0) })
    else {
      throw .invalid(
        field: "id", reason: "`id` must be 1 to 64 ASCII letters, digits, hyphens and underscores.")
    }
    return id
  }

  func events(in body: Span<UInt8>) throws(PredictionRequestError) -> [WebhookEvent] {
    guard let value = members["webhook_events"] else { return WebhookEvent.allCases }
    let fault = PredictionRequestError.invalid(
      field: "webhook_events", reason: "`webhook_events` must be an array of start, output, logs, completed.")
    // A longer one has duplicates. The whole body was validated, so the scanner does not fail.
    guard value.kind == .array, value.range.count <= 1024,
      let elements = try? JSONScanner.elements(value, in: body)
    else { throw fault }
    var chosen: Set<WebhookEvent> = [.completed]
    for element in elements {
      guard let event = element.text(in: body).flatMap(WebhookEvent.init(rawValue:)) else { throw fault }
      chosen.insert(event)
    }
    return WebhookEvent.allCases.filter(chosen.contains)
  }

  func seconds(
    _ name: String, _ allowed: ClosedRange<Int>, _ bounds: String, allowsBareSeconds: Bool,
    in body: Span<UInt8>
  ) throws(PredictionRequestError) -> Int? {
    guard let value = members[name] else { return nil }
    let seconds = WholeDuration.seconds(value, in: body, allowsBareSeconds: allowsBareSeconds)
    guard let seconds, allowed.contains(seconds) else {
      throw .invalid(
        field: name,
        reason: "`\(name)` must be a duration with its unit, such as \"30s\", \"5m\" or \"1h30m\", \(bounds)."
      )
    }
    return seconds
  }

  func number(
    _ name: String, _ allowed: ClosedRange<Int>, in body: Span<UInt8>
  ) throws(PredictionRequestError) -> Int? {
    guard let value = members[name] else { return nil }
    guard let number = value.wholeNumber(in: body), allowed.contains(number) else {
      throw .invalid(
        field: name,
        reason: "`\(name)` must be a whole number from \(allowed.lowerBound) to \(allowed.upperBound).")
    }
    return number
  }

  /// The text of an object of at most `limit` bytes.
  func object(
    _ name: String, upTo limit: Int, in body: Span<UInt8>
  ) throws(PredictionRequestError) -> [UInt8]? {
    guard let value = members[name] else { return nil }
    guard value.kind == .object, value.range.count <= limit else {
      throw .invalid(
        field: name, reason: "`\(name)` must be a JSON object of at most \(limit / 1024) KiB.")
    }
    return value.bytes(in: body)
  }

  func metadata(isStored: Bool, in body: Span<UInt8>) throws(PredictionRequestError) -> [UInt8]? {
    let text = try object("metadata", upTo: PredictionRequest.maxMetadataBytes, in: body)
    guard let text, !isStored else { return text }
    do throws(MetadataMembers.Fault) {
      _ = try MetadataMembers.members(of: text.span)
    } catch {
      throw .invalid(field: "metadata", reason: "\(error)")
    }
    return text
  }

  func rule(_ text: [UInt8]?) throws(PredictionRequestError) -> OutputRule? {
    guard let text else { return nil }
    do throws(OutputRuleError) {
      return try OutputRule(expect: text.span)
    } catch {
      throw .invalid(field: "expect", reason: "`expect`: \(error).")
    }
  }
}
