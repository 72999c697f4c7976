internal import JSONText
internal import Time
internal import WorkflowDefinitions

/// The outputs of steps that one decision has read.
struct StepValues {
  /// With the files' present places.
  var located: [Int: Scope.StepValue] = [:]
  /// As recorded.
  var recorded: [Int: Scope.StepValue] = [:]
  /// The items of steps with `for_each`, with the files' present places.
  var items: [Int: [SourceText]] = [:]
}

extension WorkflowMachine {
  /// In bytes of a fan-out's outputs together.
  private static var maxFanInBytes: Int { 64 * 1024 * 1024 }

  /// What the references of a step lead to.
  ///
  /// - Parameter isLocated: whether the URLs of files are replaced by those of kept copies.
  mutating func scope(of step: Int, isLocated: Bool) throws(Sources.Failure) -> Scope {
    try scope(reading: definition.steps[step].sources.filter(\.isRead).map(\.step), isLocated: isLocated)
  }

  mutating func scope(reading steps: [Int], isLocated: Bool) throws(Sources.Failure) -> Scope {
    let input = Array(definition.inputText)
    var scope = Scope(
      definition: definition.text,
      input: SourceText(bytes: input, value: JSONValue(kind: .object, range: input.indices)))
    for step in steps { scope.steps[step] = try value(of: step, isLocated: isLocated) }
    return scope
  }

  private mutating func value(
    of step: Int, isLocated: Bool
  ) throws(Sources.Failure) -> Scope.StepValue {
    if let known = isLocated ? values.located[step] : values.recorded[step] { return known }
    let value: Scope.StepValue =
      switch run.steps[step].state {
      case .succeeded: try output(of: step, isLocated: isLocated)
      case .failed: .missing(reason: "the step failed")
      case .canceled: .missing(reason: "the step was canceled")
      case .skipped: .missing(reason: "the step was skipped")
      case .waiting, .pending, .running: .missing(reason: "the step has not ended")
      }
    if isLocated { values.located[step] = value } else { values.recorded[step] = value }
    return value
  }

  private func output(of step: Int, isLocated: Bool) throws(Sources.Failure) -> Scope.StepValue {
    let isFanOut = definition.steps[step].isFanOut
    var bytes: [UInt8] = isFanOut ? [UInt8(ascii: "[")] : []
    var expired: [SourceText.ExpiredFile] = []
    for (index, item) in run.steps[step].items.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      guard let text = try output(of: step, index, item, isLocated: isLocated) else {
        bytes += "null".utf8
        continue
      }
      let offset = bytes.count - text.value.range.lowerBound
      bytes += text.bytes[text.value.range]
      guard !isFanOut || bytes.count <= Self.maxFanInBytes else { return .tooLarge }
      for file in text.expired {
        let range = file.range.lowerBound + offset..<file.range.upperBound + offset
        expired.append(SourceText.ExpiredFile(range: range, url: file.url))
      }
    }
    if isFanOut { bytes.append(UInt8(ascii: "]")) }
    return SourceText(bytes, expired: expired).map(Scope.StepValue.output)
      ?? .missing(reason: "its output is no JSON")
  }

  /// The output of one item. Nil where it has none.
  private func output(
    of step: Int, _ index: Int, _ item: ItemRun, isLocated: Bool
  ) throws(Sources.Failure) -> SourceText? {
    guard item.state == .succeeded, let job = job(of: step, index),
      let bytes = try sources.output(of: job), let text = SourceText(bytes)
    else { return nil }
    guard isLocated, let endedAt = item.endedAt, FileExpiry.isDue(endedAt: endedAt, at: now) else {
      return text
    }
    return try text.located { url throws(Sources.Failure) in try sources.location(of: url, in: job) }
  }

  /// The present job of an item. Nil where none was ordered.
  func job(of step: Int, _ item: Int) -> WorkflowJobID? {
    run.job(of: definition.steps[step].name, step, item)
  }

  /// The kept items whose files are gone, or whose whole outputs with their jobs, by step.
  ///
  /// Those that cannot have expired are not read: there may be 1,000, of megabytes each.
  func expiredItems() throws(Sources.Failure) -> [Int: Set<Int>] {
    var expired: [Int: Set<Int>] = [:]
    for step in run.steps.indices {
      for (index, item) in run.steps[step].items.enumerated() where item.state == .succeeded {
        guard let endedAt = item.endedAt, FileExpiry.isDue(endedAt: endedAt, at: now) else { continue }
        let text = try output(of: step, index, item, isLocated: true)
        guard text?.expired.isEmpty != true else { continue }
        expired[step, default: []].insert(index)
      }
    }
    return expired
  }
}

extension [UInt8] {
  /// FNV-1a, 64 bits. It shows a changed array; nobody gains by a collision but its own author.
  var digest: Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in self { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int64(bitPattern: hash)
  }
}
