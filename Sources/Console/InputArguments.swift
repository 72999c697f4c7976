internal import Crypto
package import JSONText

/// The input of a prediction, written as shell arguments:
///
///     prompt='a desk lamp' steps:=4 image=@lamp.png
package struct InputArguments: Equatable {
  package enum Value: Equatable {
    case text(String)
    /// The exact text of a JSON value.
    case json([UInt8])
    /// The path of a file to send as a data URI.
    case file(String)
  }

  package struct Field: Equatable {
    package let name: String
    package let value: Value
  }

  package let fields: [Field]

  package init(_ arguments: [String]) throws(InputError) {
    var fields: [Field] = []
    for argument in arguments {
      let field = try Field(argument)
      guard !fields.contains(where: { $0.name == field.name }) else { throw .repeated(field.name) }
      fields.append(field)
    }
    self.fields = fields
  }

  /// The fields as a JSON object, with the files read in.
  package func json() throws(InputError) -> [UInt8] {
    var files: [String: String] = [:]
    for field in fields {
      if case .file(let path) = field.value { files[path] = try DataURI.read(path) }
    }
    var writer = JSONWriter()
    writer.object { object in
      for field in fields {
        switch field.value {
        case .text(let text): object.member(named: field.name) { $0.string(text) }
        case .json(let text): object.member(named: field.name) { $0.raw(text[...]) }
        case .file(let path):
          if let file = files[path] { object.member(named: field.name) { $0.string(file) } }
        }
      }
    }
    return writer.bytes
  }
}

extension InputArguments.Field {
  /// Parses `name=text`, `name=@file` or `name:=json`.
  ///
  /// The first `=` separates; a `:` before it marks the rest as JSON.
  init(_ argument: String) throws(InputError) {
    guard let equals = argument.firstIndex(of: "=") else { throw .noValue(argument) }
    let isJSON = argument[..<equals].hasSuffix(":")
    name = String(argument[..<equals].dropLast(isJSON ? 1 : 0))
    guard !name.isEmpty else { throw .noName(argument) }
    let text = String(argument[argument.index(after: equals)...])
    if isJSON {
      value = .json(try Self.json(text, of: name))
    } else if text.hasPrefix("@") {
      value = .file(String(text.dropFirst()))
    } else {
      value = .text(text)
    }
  }

  private static func json(_ text: String, of name: String) throws(InputError) -> [UInt8] {
    let bytes = Array(text.utf8)
    do throws(JSONError) {
      return Array(bytes[try JSONScanner.validate(bytes.span).range])
    } catch {
      throw .invalidJSON(name, error)
    }
  }
}

/// Encodes a small file as a data URI (RFC 2397).
enum DataURI {
  /// Replicate accepts larger files by URL only.
  static let maxFileBytes = 256 * 1024

  static func read(_ path: String) throws(InputError) -> String {
    switch Files.contents(of: path, maxBytes: maxFileBytes) {
    case .bytes(let bytes): return "data:\(mediaType(of: path));base64,\(Base64.encode(bytes))"
    case .tooLarge: throw .tooLarge(path)
    case .unreadable: throw .unreadable(path)
    }
  }

  /// The media type for the file name's extension, case-insensitive.
  static func mediaType(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return fallback }
    return mediaTypes[name[name.index(after: dot)...].lowercased()] ?? fallback
  }

  private static let fallback = "application/octet-stream"
  /// Types that models accept: https://www.iana.org/assignments/media-types.
  private static let mediaTypes = [
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "avif": "image/avif", "heic": "image/heic", "bmp": "image/bmp", "tif": "image/tiff",
    "tiff": "image/tiff", "svg": "image/svg+xml",
    "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "m4a": "audio/mp4",
    "aac": "audio/aac",
    "mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime", "mkv": "video/matroska",
    "txt": "text/plain", "csv": "text/csv", "md": "text/markdown", "json": "application/json",
    "pdf": "application/pdf", "zip": "application/zip",
  ]
}

/// An invalid input, described with its fix.
package enum InputError: Error, Equatable, CustomStringConvertible {
  case noValue(String)
  case noName(String)
  case repeated(String)
  case invalidJSON(String, JSONError)
  case tooLarge(String)
  case unreadable(String)

  package var description: String {
    switch self {
    case .noValue(let argument):
      "--input: `\(argument)` has no `=`: write name=text, name=@file or name:=json"
    case .noName(let argument): "--input: `\(argument)` has no name before the `=`"
    case .repeated(let name):
      "--input: `\(name)` is given more than once; write an array as \(name):='[…]'"
    case .invalidJSON(let name, let error):
      "--input: `\(name)` is no JSON: \(error); write text as \(name)=…"
    case .tooLarge(let path):
      "--input: \(path) is larger than 256 KiB: put it where Replicate can fetch it, and give its URL"
    case .unreadable(let path): "--input: \(path) cannot be read: check the path and its permissions"
    }
  }
}
