internal import Bytes
package import JSONText

/// The values that references lead to.
package struct Scope {
  package enum StepValue {
    case output(SourceText)
    /// - Parameter reason: such as "the step failed".
    case missing(reason: String)
    /// Its items' outputs are too large together.
    case tooLarge
  }

  /// The definition's text.
  package let definition: [UInt8]
  package let input: SourceText
  /// The results of the steps by position.
  package var steps: [Int: StepValue] = [:]
  /// Of a step with `for_each`.
  package var item: SourceText?
  package var index: Int?

  package init(definition: [UInt8], input: SourceText) {
    self.definition = definition
    self.input = input
  }

  func value(of source: Reference.Source) -> StepValue {
    switch source {
    case .input: .output(input)
    case .item: item.map(StepValue.output) ?? .missing(reason: "there is no item")
    case .index: index.map { .output(SourceText($0)) } ?? .missing(reason: "there is no item")
    case .step(let step): steps[step] ?? .missing(reason: "the step has not ended")
    }
  }
}

/// Puts a value with references together.
///
/// Slices are copied byte for byte; only `$text` makes a new string.
package struct Resolver {
  private let scope: Scope
  private let maxBytes: Int
  package private(set) var budget: ReadBudget
  private var output: [UInt8] = []
  private var expired: [SourceText.ExpiredFile] = []
  /// The places that were found, so that a repeated reference costs nothing.
  private var places: [Reference: JSONPlace] = [:]

  package init(_ scope: Scope, maxBytes: Int, budget: ReadBudget = ReadBudget()) {
    self.scope = scope
    self.maxBytes = maxBytes
    self.budget = budget
  }

  /// The value, with the expired files that are in it.
  package mutating func resolve(_ template: Template) throws(ResolutionFault) -> SourceText {
    output = []
    expired = []
    try append(template)
    guard let text = SourceText(output, expired: expired) else {
      throw .tooLarge("it nests deeper than \(JSONScanner.maxDepth) levels")
    }
    return text
  }

  /// The place that a reference names, in its source's text.
  mutating func place(_ reference: Reference) throws(ResolutionFault) -> (SourceText, JSONPlace)? {
    let source: SourceText
    switch scope.value(of: reference.source) {
    case .output(let text): source = text
    case .missing: return nil
    case .tooLarge:
      throw .tooLarge(
        "the outputs of the items of \(reference.text.cutToLine(of: 80)) are too large together")
    }
    if let known = places[reference] { return (source, known) }
    do throws(ReadBudget.Exhausted) {
      let found = try reference.pointer.place(in: source.value, of: source.bytes.span, &budget)
      places[reference] = found
      return (source, found)
    } catch {
      throw ResolutionFault(error)
    }
  }

  mutating func charging<Value>(
    _ work: (inout ReadBudget) throws(ReadBudget.Exhausted) -> Value
  ) throws(ResolutionFault) -> Value {
    do throws(ReadBudget.Exhausted) {
      return try work(&budget)
    } catch {
      throw ResolutionFault(error)
    }
  }
}

// MARK: - Parts

extension Resolver {
  private mutating func append(_ template: Template) throws(ResolutionFault) {
    for piece in template.pieces {
      switch piece {
      case .text(let range): try append(scope.definition[range])
      case .expression(let expression): try append(expression)
      }
    }
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) throws(ResolutionFault) {
    guard output.count + bytes.count <= maxBytes else {
      throw .tooLarge("it is larger than \(maxBytes >> 20) MiB; give files as URLs")
    }
    try charging { budget throws(ReadBudget.Exhausted) in try budget.charge(bytes.count) }
    output += bytes
  }

  private mutating func append(_ expression: Expression) throws(ResolutionFault) {
    switch expression {
    case .literal(let range): try append(scope.definition[range])
    case .from(let reference, let template): try append(reference, default: template)
    case .first(let values): try appendFirst(of: values)
    case .text(let parts): try appendText(of: parts)
    }
  }

  private mutating func append(
    _ reference: Reference, default template: Template?
  ) throws(ResolutionFault) {
    if let (source, place) = try place(reference), case .value(let value) = place {
      let start = output.count
      try append(source.bytes[value.range])
      for file in source.expired[source.expired.index(ofFirstFrom: value.range.lowerBound)...] {
        guard file.range.lowerBound < value.range.upperBound else { break }
        let offset = start - value.range.lowerBound
        let range = file.range.lowerBound + offset..<file.range.upperBound + offset
        expired.append(SourceText.ExpiredFile(range: range, url: file.url))
      }
      return
    }
    guard let template else { throw .unresolved(try absence(of: reference)) }
    try append(template)
  }

  /// What was found in place of a reference's value.
  private mutating func absence(of reference: Reference) throws(ResolutionFault) -> String {
    let shown = reference.text.cutToLine(of: 80)
    if case .missing(let reason) = scope.value(of: reference.source) { return "\(shown): \(reason)" }
    guard let (_, place) = try place(reference), case .missing(let depth, let found) = place else {
      return shown
    }
    let root =
      switch reference.source {
      case .input: "input"
      case .item: "item"
      case .index: "index"
      case .step: "output"
      }
    let path = reference.pointer.tokens.prefix(depth).map { "/" + String(decoding: $0, as: UTF8.self) }
    return "\(shown): \((root + path.joined()).cutToLine(of: 80)) is \(found)"
  }

  private mutating func appendFirst(of values: [Template]) throws(ResolutionFault) {
    let (start, files) = (output.count, expired.count)
    var reasons: [String] = []
    for value in values {
      do throws(ResolutionFault) {
        return try append(value)
      } catch {
        guard case .unresolved(let reason) = error else { throw error }
        output.removeSubrange(start...)
        expired.removeSubrange(files...)
        if reasons.count < 4 { reasons.append(reason) }
      }
    }
    throw .unresolved("no value of $first resolves: \(reasons.joined(separator: "; "))")
  }

  /// Appends one string of all parts. Their escapes stay as they are.
  private mutating func appendText(of parts: [Template]) throws(ResolutionFault) {
    let (start, files) = (output.count, expired.count)
    try append([UInt8(ascii: "\"")])
    for part in parts {
      let partStart = output.count
      try append(part)
      let text = Array(output[partStart...])
      output.removeSubrange(partStart...)
      try append(Self.contents(of: text, part)[...])
    }
    try append([UInt8(ascii: "\"")])
    // A file that is part of a longer text is gone with it.
    let urls = expired[files...].map(\.url)
    expired.removeSubrange(files...)
    for url in urls { expired.append(SourceText.ExpiredFile(range: start..<output.count, url: url)) }
  }

  /// The raw text that a value adds to a string.
  private static func contents(of text: [UInt8], _ part: Template) throws(ResolutionFault) -> [UInt8] {
    guard let value = try? JSONScanner.validate(text.span) else { return [] }
    let subject =
      if part.pieces.count == 1, case .expression(.from(let reference, _)) = part.pieces[0] {
        reference.text.cutToLine(of: 80)
      } else {
        "a part of $text"
      }
    let takes = "$text takes strings, arrays of strings, numbers, true and false"
    switch value.kind {
    case .string: return Array(text[value.contents])
    case .number, .true, .false: return Array(text[value.range])
    case .object, .null: throw .unresolved("\(subject) is \(value.kind.noun), and \(takes)")
    case .array:
      var joined: [UInt8] = []
      var children = JSONChildren(of: value)
      while let child = children.next(in: text.span) {
        guard child.value.kind == .string else {
          throw .unresolved("\(subject) is an array with \(child.value.kind.noun), and \(takes)")
        }
        joined += text[child.value.contents]
      }
      return joined
    }
  }
}

extension [SourceText.ExpiredFile] {
  /// Where the files begin that stand at `place` or after it. They are in order of their places.
  ///
  /// There may be 100,000 files, and as many references.
  fileprivate func index(ofFirstFrom place: Int) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if self[middle].range.lowerBound < place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
