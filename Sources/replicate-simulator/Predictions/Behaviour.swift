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
    /// An array of `count` file URLs at `host`.
    case files(count: Int, host: String)
    /// An object with two named files.
    case namedFiles
    case text(String)
    /// An array that grows while the prediction runs.
    case tokens([String])
    /// An array of numbers, of this length.
    case numbers(Int)
    /// This JSON, byte for byte.
    case json([UInt8])

    static let null = json(Array("null".utf8))
  }

  enum Logs: Equatable, Sendable {
    case none
    /// Progress bars as tqdm draws them.
    case progress
    /// Progress bars between this many bytes of other lines.
    case long(bytes: Int)
  }

  /// Time from creation to start.
  var queue: Duration
  /// Time from start to end.
  var duration: Duration
  var ending = Ending.succeeded
  var output = Output.files(count: 1, host: Self.deliveryHost)
  var logs = Logs.progress

  /// Changes of a running prediction, its end included.
  static let steps = 20

  static let deliveryHost = "replicate.delivery"
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
    Preset(standard, "an array of one file's URL") { _ in },
    Preset("demo/text", "a string") { $0.output = .text("Hello from the simulator") },
    Preset("demo/tokens", "an array of strings that grows while it runs") { $0.output = .tokens(tokens) },
    Preset("demo/object", "an object of two named URLs") { $0.output = .namedFiles },
    Preset("demo/numbers", "an array of 12,000 numbers, about 250 KB") { $0.output = .numbers(12_000) },
    Preset("demo/null", "succeeds with null") { $0.output = .null },
    Preset("demo/foreign", "a URL on a host that is not Replicate's") {
      $0.output = .files(count: 1, host: "files.example.com")
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

  /// The behaviour of `model` in a prediction that takes `duration`.
  static func behaviour(of model: String, duration: Duration) -> Behaviour {
    var behaviour = Behaviour(queue: duration.part(1, of: 10), duration: duration)
    all.first { $0.model == model }?.change(&behaviour)
    return behaviour
  }
}
