internal import JSONText

/// An output as JSON, in which some objects stand for other values.
///
///     {"image": {"$file": "image"}, "caption": {"$input": "prompt"}}
///
/// `$file` becomes the URL of a file of that kind, `$data` the file itself as a `data:` URI, and `$input` the
/// member of the input with that name.
indirect enum OutputTemplate: Equatable, Sendable {
  /// This JSON, byte for byte.
  case json([UInt8])
  case file(FileSpec)
  case input(String)
  case array([OutputTemplate])
  case object([Member])

  struct Member: Equatable, Sendable {
    let name: String
    let value: OutputTemplate
  }

  static let null = json("null")

  static func json(_ text: String) -> OutputTemplate { .json(Array(text.utf8)) }

  /// Why a value is no template, and where.
  struct Fault: Error, Equatable {
    let description: String
    /// In bytes from the start of the text.
    let offset: Int
  }

  private static let maxDepth = 32

  /// Reads a value of a validated text.
  init(_ value: JSONValue, in text: Span<UInt8>, depth: Int = 0) throws(Fault) {
    // Without a name that begins with a dollar sign, the value is copied, however deep it is.
    guard Self.mayHaveReferences(value, in: text) else {
      self = .json(value.bytes(in: text))
      return
    }
    guard depth < Self.maxDepth else {
      throw Fault(description: "is nested more than \(Self.maxDepth) deep", offset: value.range.lowerBound)
    }
    // The whole text was validated, so the scanner does not fail.
    if value.kind == .array, let elements = try? JSONScanner.elements(value, in: text) {
      var templates: [OutputTemplate] = []
      for element in elements { templates.append(try OutputTemplate(element, in: text, depth: depth + 1)) }
      self = .array(templates)
    } else if value.kind == .object, let members = try? JSONScanner.object(value, in: text).members {
      if let reference = try Self.reference(members, in: text) {
        self = reference
        return
      }
      var templates: [Member] = []
      for member in members {
        templates.append(
          Member(
            name: JSONString.decode(member.name, of: text),
            value: try OutputTemplate(member.value, in: text, depth: depth + 1)))
      }
      self = .object(templates)
    } else {
      self = .json(value.bytes(in: text))
    }
  }

  private static func mayHaveReferences(_ value: JSONValue, in text: Span<UInt8>) -> Bool {
    value.range.dropLast().contains { text[$0] == UInt8(ascii: "\"") && text[$0 + 1] == UInt8(ascii: "$") }
  }

  /// The meaning of an object with `$file` or `$data`, or whose only member begins with a dollar sign.
  ///
  /// Nil for any other.
  private static func reference(
    _ members: [JSONMember], in text: Span<UInt8>
  ) throws(Fault) -> OutputTemplate? {
    if let spec = try FileSpec(members, in: text) { return .file(spec) }
    guard let member = members.first, members.count == 1 else { return nil }
    let name = JSONString.decode(member.name, of: text)
    guard name.hasPrefix("$") else { return nil }
    if name == "$input", let name = member.value.text(in: text) { return .input(name) }
    throw Fault(
      description:
        "has an unknown reference: write {\"$input\": \"NAME\"}, or {\"$file\": \"KIND\"} with one of "
        + FileKind.namesInTemplates,
      offset: member.value.range.lowerBound)
  }

  /// The files, in the order in which they are written.
  var files: [FileSpec] {
    switch self {
    case .json, .input: []
    case .file(let spec): [spec]
    case .array(let elements): elements.flatMap(\.files)
    case .object(let members): members.flatMap(\.value.files)
    }
  }

  /// Writes the output of a prediction with this input.
  ///
  /// - Parameter url: the URL of the file with this number.
  func write(to writer: inout JSONWriter, input: [UInt8], url: (FileSpec, Int) -> String) {
    var count = 0
    write(to: &writer, input, &count, url)
  }

  private func write(
    to writer: inout JSONWriter, _ input: [UInt8], _ count: inout Int, _ url: (FileSpec, Int) -> String
  ) {
    switch self {
    case .json(let bytes): writer.raw(bytes[...])
    case .input(let name): writer.raw(InputMembers.value(name, of: input) ?? Self.nullBytes)
    case .file(let spec):
      writer.string(url(spec, count))
      count += 1
    case .array(let elements): writer.array(elements) { $1.write(to: &$0, input, &count, url) }
    case .object(let members):
      writer.object { object in
        for member in members {
          object.member(named: member.name) { member.value.write(to: &$0, input, &count, url) }
        }
      }
    }
  }

  private static let nullBytes = Array("null".utf8)[...]
}

/// Reads single members of a prediction's input, a validated object.
enum InputMembers {
  /// The member's JSON; nil if there is none.
  static func value(_ name: String, of input: [UInt8]) -> ArraySlice<UInt8>? {
    let members = (try? JSONScanner.object(input.span))?.members ?? []
    return members.last { JSONString.decode($0.name, of: input.span) == name }.map { input[$0.value.range] }
  }

  static func wholeNumber(_ name: String, of input: [UInt8]) -> Int? {
    (try? JSONScanner.object(input.span))?.value(named: name, in: input.span)?.wholeNumber(in: input.span)
  }
}
