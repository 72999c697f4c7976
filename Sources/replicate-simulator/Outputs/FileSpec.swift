/// A file of an output, as a template describes it.
struct FileSpec: Equatable, Sendable {
  var kind: FileKind
  /// The last segment of the URL; nil for the usual name.
  var name: String?
  /// The value of `Content-Type`; nil for that of the kind.
  var contentType: String?
  /// The content; nil for that of the kind.
  var text: String?
  /// The size of a file of ``FileKind/data``.
  var byteCount = 2_000_000
  var faults = FileFaults()
  /// Whether the output has the file itself, as a `data:` URI.
  var isInline = false

  static let maxByteCount = 1 << 40
  /// That of a file within an output.
  static let maxInlineByteCount = 8 << 20

  init(_ kind: FileKind) {
    self.kind = kind
  }

  /// The name of the file that comes at `index` in its output.
  func fileName(_ index: Int) -> String { name ?? kind.fileName(index) }

  /// The members of `$file`, besides the kind.
  static let members = ["bytes", "name", "type", "content", "fault", "times"]
  /// The members of `$data`, besides the kind.
  static let inlineMembers = ["bytes", "type", "content"]
}

/// A failure of a file, or a deviation from what servers of files usually do.
enum FileFault: String, CaseIterable, Sendable {
  // Of the first requests.
  case busy, missing, denied, refused, cut, stall
  // Of every request.
  case noRange = "no-range"
  case noETag = "no-etag"
  case changing, chunked, short, gzip, checksum, redirect, redirects
  case redirectAway = "redirect-away"

  /// Whether it ends with a number of requests.
  var isTransient: Bool {
    switch self {
    case .busy, .missing, .denied, .refused, .cut, .stall: true
    default: false
    }
  }
}

/// The faults of one file.
struct FileFaults: Equatable, Sendable {
  var all: Set<FileFault> = []
  /// How many requests meet the faults that pass.
  var times = 1

  static let maxTimes = 1_000_000

  /// - Parameter number: of the file's requests, from 0.
  func faults(ofRequest number: Int) -> Set<FileFault> {
    number < times ? all : all.filter { !$0.isTransient }
  }
}
