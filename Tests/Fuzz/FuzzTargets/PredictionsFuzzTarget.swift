internal import JSONText
internal import Jobs
internal import Replicate
internal import Time

/// A body yields the snapshot or error of an independent reader.
///
/// Input: the body.
enum PredictionsFuzzTarget {
  static func run(_ body: [UInt8]) throws(Violation) {
    guard let digest = BodyDigest(bytes: Array(repeating: 7, count: BodyDigest.byteCount)) else { return }
    let reference = ReferenceJSON.read(body)
    let prediction: Prediction
    do throws(PredictionError) {
      prediction = try Prediction(body: body.span)
    } catch {
      return try check(error, reference)
    }
    guard let reference, case .object = reference.content else {
      throw Violation(rule: "a body is accepted that is no object")
    }
    let snapshot = prediction.snapshot(digest: digest)
    let again = try? Prediction(body: body.span).snapshot(digest: digest)
    try require(again == snapshot, "a second reading is another")
    try check(snapshot, reference, of: body)
    try checkParts(of: prediction, snapshot, reference, in: body)
  }

  private static func check(_ error: PredictionError, _ reference: ReferenceJSON?) throws(Violation) {
    guard let reference, case .object = reference.content else {
      guard case .malformedJSON = error else {
        throw Violation(rule: "what is no object is refused for \(error)")
      }
      return
    }
    guard case .missingField(let name, _) = error else {
      throw Violation(rule: "an object is refused: \(error)")
    }
    let id = string("id", of: reference, visibleUpTo: 255)
    try require(name == (id == nil ? "id" : "status"), "a member is missed that is there: \(name)")
    try require(
      id == nil || string("status", of: reference, visibleUpTo: 64) == nil, "a status is missed that is there"
    )
  }

  private static func check(
    _ snapshot: Snapshot, _ reference: ReferenceJSON, of body: [UInt8]
  ) throws(Violation) {
    try require(
      Array(snapshot.predictionID.utf8) == string("id", of: reference, visibleUpTo: 255), "the id is another")
    let status = string("status", of: reference, visibleUpTo: 64)
    try require(Array(snapshot.providerStatus.utf8) == status, "the status is another")
    for (name, found) in [("model", snapshot.model), ("version", snapshot.modelVersion)] {
      let expected = reference.member(name).flatMap { $0.range.count <= 2048 ? $0.text : nil }
      try require(found.map { Array($0.utf8) } == expected, "\(name) is another")
    }
    for (name, found) in [
      ("created_at", snapshot.createdAt), ("started_at", snapshot.startedAt),
      ("completed_at", snapshot.completedAt),
    ] {
      let raw = reference.member(name).flatMap { value in
        value.text == nil || value.range.count > 40 ? nil : Array(body[value.range].dropFirst().dropLast())
      }
      try require(found?.milliseconds == raw.flatMap(ReferenceTime.milliseconds), "\(name) is another")
      guard let found else { continue }
      try require(Timestamp(rfc3339: found.rfc3339) == found, "\(name) does not read back")
    }
    try check(snapshot.error, of: snapshot, errorText(reference, of: body))
  }

  private static func check(
    _ error: JobError?, of snapshot: Snapshot, _ text: [UInt8]?
  ) throws(Violation) {
    let phases: [String: Phase] = [
      "starting": .pending, "processing": .running, "succeeded": .succeeded, "failed": .failed,
      "canceled": .canceled, "aborted": .canceled,
    ]
    let phase = phases.first { $0.key.utf8.elementsEqual(snapshot.providerStatus.utf8) }?.value
    try require(snapshot.phase == phase, "the phase is another")
    let saysWhy =
      snapshot.providerStatus == "failed" || snapshot.providerStatus == "aborted"
      || (snapshot.providerStatus == "canceled" && text != nil)
    try require((error != nil) == saysWhy, "an error is there, or is not")
    guard let error else { return }
    try require(error.message.map { Array($0.utf8) } == text, "the error's text is another")
    try require(
      !error.code.isEmpty
        && error.code.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") },
      "the error's code is no code")
    try require(text != nil || error.code != "canceled", "an error has no text")
  }

  private static func checkParts(
    of prediction: Prediction, _ snapshot: Snapshot, _ reference: ReferenceJSON, in body: [UInt8]
  ) throws(Violation) {
    for (name, part) in [
      ("input", prediction.input), ("output", prediction.output), ("metrics", prediction.metrics),
      ("logs", prediction.logs),
    ] {
      let expected = reference.member(name).flatMap { $0.isNull ? nil : $0 }
      try require(part?.range == expected?.range, "\(name) is elsewhere")
      guard let part, let expected else { continue }
      try JSONFuzzTarget.requireSame(part, expected)
      guard case .success = JSONFuzzTarget.validate(Array(body[part.range])) else {
        throw Violation(rule: "\(name) is no JSON alone")
      }
    }
    try require(
      snapshot.evidence.logsSize == prediction.logs?.range.count ?? 0, "the size of logs is another")
    try require(
      snapshot.evidence.outputSize == prediction.output?.range.count ?? 0, "the size of output is another")
    var isRemoved = false
    if case .literal("true")? = reference.member("data_removed")?.content { isRemoved = true }
    try require(prediction.isDataRemoved == isRemoved, "data_removed is another")
  }
}

// MARK: - The reference's reading

extension PredictionsFuzzTarget {
  private static func string(_ name: String, of object: ReferenceJSON, visibleUpTo limit: Int) -> [UInt8]? {
    guard let text = object.member(name)?.text, (1...limit).contains(text.count) else { return nil }
    let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
    return scalars.contains { $0.properties.generalCategory == .control } ? nil : text
  }

  private static func errorText(_ object: ReferenceJSON, of body: [UInt8]) -> [UInt8]? {
    guard let value = object.member("error"), !value.isNull else { return nil }
    let text = value.text ?? value.member("detail")?.text ?? Array(body[value.range])
    guard !text.isEmpty else { return nil }
    var cut = text.prefix(4096)
    // Half a character does not decode to itself.
    while !String(decoding: cut, as: UTF8.self).utf8.elementsEqual(cut) { cut.removeLast() }
    return Array(cut)
  }
}

extension ReferenceJSON {
  fileprivate var text: [UInt8]? {
    if case .string(let token) = content { token.text } else { nil }
  }

  fileprivate var isNull: Bool {
    if case .literal("null") = content { true } else { false }
  }
}
