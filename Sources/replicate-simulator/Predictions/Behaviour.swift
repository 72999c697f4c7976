/// The behaviour of a prediction that nothing cuts short.
struct Behaviour: Equatable, Sendable {
  enum Ending: Equatable, Sendable {
    case succeeded
    case failed(String)
    case canceled
    /// It never starts.
    case aborted
  }

  enum Output: Equatable, Sendable {
    case template(OutputTemplate)
    /// An array of pictures, as many as the input's `num_outputs`.
    case pictures
    /// The URL of a file of as many bytes as the input's `bytes`.
    case data
    /// An array that grows while the prediction runs.
    case tokens([String])
    /// An array of numbers, of this length.
    case numbers(Int)
  }

  enum Logs: Equatable, Sendable {
    case none
    /// Progress bars as tqdm draws them.
    case progress
    /// Progress bars between this many bytes of other lines.
    case long(bytes: Int)
    case text(String)
  }

  /// Time from creation to start.
  var queue: Duration
  /// Time from start to end.
  var duration: Duration
  var ending = Ending.succeeded
  var output = Output.template(.array([.file(FileSpec(.image))]))
  /// Whether a training has this output too, in place of a new version.
  var isOutputOfTraining = false
  var logs = Logs.progress

  /// Changes of a running prediction, its end included.
  static let steps = 20
}

/// A model with its own behaviour.
///
/// Every other model behaves as `demo/hello`.
struct Preset: Sendable {
  let model: String
  let explanation: String
  private let change: @Sendable (inout Behaviour) -> Void

  init(_ model: String, _ explanation: String, _ change: @escaping @Sendable (inout Behaviour) -> Void) {
    self.model = model
    self.explanation = explanation
    self.change = change
  }

  /// An owner who has no models.
  static let missingOwner = "missing"
  static let standard = "demo/hello"

  static let all: [Preset] = [
    Preset(standard, "an array of one picture's URL, a PNG") { _ in },
    Preset("demo/image", "1 to 4 pictures: num_outputs, width and height in the input") {
      $0.output = .pictures
    },
    Preset("demo/audio", "a sound's URL, a WAV") { $0.output = .template(.file(FileSpec(.audio))) },
    Preset("demo/video", "a video's URL, an MP4") { $0.output = .template(.file(FileSpec(.video))) },
    Preset("demo/svg", "a drawing's URL, an SVG") { $0.output = .template(.file(FileSpec(.svg))) },
    Preset("demo/document", "a text file's URL") { $0.output = .template(.file(FileSpec(.text))) },
    Preset("demo/data", "the URL of a file of 2 MB, or of the input's `bytes`") { $0.output = .data },
    Preset("demo/object", "an object of two named URLs") {
      $0.output = .template(
        .object([
          OutputTemplate.Member(name: "image", value: .file(FileSpec(.image))),
          OutputTemplate.Member(name: "mask", value: .file(FileSpec(.mask))),
        ]))
    },
    Preset("demo/text", "a string") { $0.output = .template(.json(#""Hello from the simulator""#)) },
    Preset("demo/tokens", "an array of strings that grows while it runs") { $0.output = .tokens(tokens) },
    Preset("demo/numbers", "an array of 12,000 numbers, about 250 KB") { $0.output = .numbers(12_000) },
    Preset("demo/null", "succeeds with null") { $0.output = .template(.null) },
    Preset("demo/foreign", "a URL on a host that is not Replicate's") {
      $0.output = .template(.json(#"["https://files.example.com/out-0.png"]"#))
    },
    Preset("demo/logs", "1 MB of logs") { $0.logs = .long(bytes: 1_000_000) },
    Preset("demo/instant", "ends at once, often before the response to its creation") {
      $0.queue = .zero
      $0.duration = .zero
    },
    Preset("demo/slow", "runs for 30 times --duration") { $0.duration = $0.duration * 30 },
    Preset("demo/cold", "waits for 30 times --duration before it starts") { $0.queue = $0.duration * 30 },
    failing("demo/fail", "fails: the model's own error", "Model error: expected 3 channels, got 4"),
    failing("demo/interrupted", "fails: interrupted", "Prediction interrupted; please retry (code: PA)"),
    failing(
      "demo/director", "fails: the platform",
      "Director: unexpected error handling prediction (E6716)"),
    failing("demo/memory", "fails: out of memory", "CUDA out of memory. Tried to allocate 2.50 GiB (E1001)"),
    failing(
      "demo/refused", "fails: content refused",
      "NSFW content detected. Try running it again, or try a different prompt."),
  ]

  private static func failing(_ model: String, _ explanation: String, _ error: String) -> Preset {
    Preset(model, explanation) { $0.ending = .failed(error) }
  }

  private static let tokens = [
    "A", " stand", "-in", " for", " the", " real", " thing", ",", " one", " token", " after", " another", ",",
    " until", " nothing", " is", " left", " to", " say", ".",
  ]

  /// The behaviour in a prediction that takes `duration`.
  func behaviour(duration: Duration) -> Behaviour {
    var behaviour = Behaviour(queue: duration.part(1, of: 10), duration: duration)
    change(&behaviour)
    return behaviour
  }
}
