/// The examples of the documentation, as they are printed there, and how their jobs end.
package enum WorkflowExample: String, CaseIterable, Sendable {
  case one, chain, four, gate, refusedGate, skippedStep, fall, ring

  /// Examples 1 to 6, without the variants of the gate.
  package static let documented: [WorkflowExample] = [.one, .chain, .four, .gate, .fall, .ring]

  package var id: String {
    switch self {
    case .refusedGate, .skippedStep: "gate"
    default: rawValue
    }
  }

  package var body: String {
    switch self {
    case .one:
      #"{"id":"one","steps":[{"name":"image","model":"acme/poster","input":{"prompt":"two herons"}}]}"#
    case .chain:
      #"""
      {"id":"chain","input":{"prompt":"a desk lamp"},
       "steps":[
        {"name":"image","model":"acme/poster","input":{"prompt":{"$from":"input#/prompt"}},
          "expect":{"kind":"urls","count":1}},
        {"name":"upscale","model":"acme/upscaler","input":{"image":{"$from":"image#/0"},"scale":2},
          "expect":{"kind":"url"},"cancel_after":"5m"},
        {"name":"caption","model":"acme/captioner",
          "input":{"image":{"$from":"upscale"},"prompt":{"$text":["Describe: ",{"$from":"input#/prompt"}]}},
          "expect":{"kind":"text"}}],
       "output":{"file":{"$from":"upscale"},"alt":{"$text":[{"$from":"caption"}]}}}
      """#
    case .four:
      #"""
      {"id":"four","input":{"prompts":["dawn","noon","dusk","night"]},
       "steps":[
        {"name":"scene","model":"acme/poster","for_each":{"$from":"input#/prompts"},"parallel":2,
          "on_item_failure":"skip",
          "input":{"prompt":{"$text":["a harbour at ",{"$from":"item"}]},"seed":{"$from":"index"}},
          "expect":{"kind":"urls","count":1}},
        {"name":"grid","model":"acme/contact-sheet","input":{"images":{"$from":"scene"}}}],
       "output":{"grid":{"$from":"grid"},"scenes":{"$from":"scene"}}}
      """#
    case .gate, .refusedGate: Self.gate("require")
    case .skippedStep: Self.gate("when")
    case .fall:
      #"""
      {"id":"fall","steps":[
        {"name":"video","model":"acme/video-large","input":{"prompt":"waves"},
         "retries":2,"cancel_after":"10m",
         "fallback":[{"model":"acme/video-small"},{"model":"acme/slideshow","input":{"text":"waves"}}],
         "fallback_on":["interrupted","provider_busy","out_of_memory","unknown","invalid_output","aborted"]},
        {"name":"sound","model":"acme/foley","optional":true,"input":{"video":{"$from":"video"}}}],
       "output":{"$first":[{"$from":"sound"},{"$from":"video"}]}}
      """#
    case .ring:
      #"""
      {"id":"ring","callback":{"url":"https://app.example/hooks/workflows"},
       "limits":{"predictions":3,"predict_seconds":120},"deadline":"30m",
       "steps":[{"name":"speech","model":"acme/tts","input":{"text":"Hello"}},
                {"name":"lips","model":"acme/lipsync",
                  "input":{"audio":{"$from":"speech"},"face":"https://cdn.example/face.png"}}]}
      """#
    }
  }

  private static func gate(_ member: String) -> String {
    #"""
    {"id":"gate","input":{"prompt":"…"},
     "steps":[
      {"name":"check","model":"acme/moderator","input":{"text":{"$from":"input#/prompt"}},
        "expect":{"kind":"json"}},
      {"name":"image","model":"acme/poster","\#(member)":{"$from":"check#/flagged","equals":false},
        "input":{"prompt":{"$from":"input#/prompt"}}}]}
    """#
  }

  /// The state that it ends in.
  package var state: String { self == .refusedGate ? "failed" : "succeeded" }

  /// What the jobs are sent, and how they end.
  package var jobs: [Graph.Place: Job] {
    var jobs: [Graph.Place: Job] = [:]
    func add(_ step: String, item: Int = 0, fallback: Int = 0, _ job: Job) {
      jobs[Graph.Place(step: step, item: item, fallback: fallback)] = job
    }
    switch self {
    case .one: add("image", Job(#"{"prompt":"two herons"}"#, "[\(Self.url("a"))]"))
    case .chain:
      add("image", Job(#"{"prompt":"a desk lamp"}"#, "[\(Self.url("a"))]"))
      add("upscale", Job(#"{"image":\#(Self.url("a")),"scale":2}"#, Self.url("up")))
      add(
        "caption",
        Job(#"{"image":\#(Self.url("up")),"prompt":"Describe: a desk lamp"}"#, #""A desk lamp on oak.""#))
    case .four:
      for (index, time) in ["dawn", "noon", "dusk", "night"].enumerated() {
        let input = #"{"prompt":"a harbour at \#(time)","seed":\#(index)}"#
        add("scene", item: index, Job(input, index == 2 ? nil : "[\(Self.url("\(index)"))]"))
      }
      add("grid", Job(#"{"images":\#(Self.scenes)}"#, Self.url("grid")))
    case .gate, .refusedGate, .skippedStep:
      add("check", Job(#"{"text":"…"}"#, #"{"flagged": \#(self != .gate), "score": 0.10}"#))
      if self == .gate { add("image", Job(#"{"prompt":"…"}"#, "[\(Self.url("a"))]")) }
    case .fall:
      add("video", fallback: 0, Job(#"{"prompt":"waves"}"#, nil, retries: 2, interruptions: 2))
      add("video", fallback: 1, Job(#"{"prompt":"waves"}"#, nil, retries: 2))
      add("video", fallback: 2, Job(#"{"text":"waves"}"#, Self.url("v"), retries: 2, interruptions: 1))
      add("sound", Job(#"{"video":\#(Self.url("v"))}"#, nil))
    case .ring:
      add("speech", Job(#"{"text":"Hello"}"#, Self.url("s")))
      add("lips", Job(#"{"audio":\#(Self.url("s")),"face":"https://cdn.example/face.png"}"#, Self.url("l")))
    }
    return jobs
  }

  /// The output, byte for byte.
  package var output: String? {
    switch self {
    case .one, .gate: "[\(Self.url("a"))]"
    case .chain: #"{"file":\#(Self.url("up")),"alt":"A desk lamp on oak."}"#
    case .four: #"{"grid":\#(Self.url("grid")),"scenes":\#(Self.scenes)}"#
    case .refusedGate, .skippedStep: nil
    case .fall: Self.url("v")
    case .ring: Self.url("l")
    }
  }

  private static func url(_ name: String) -> String { #""https://replicate.delivery/xezq/\#(name).png""# }

  private static let scenes = "[[\(url("0"))],[\(url("1"))],null,[\(url("3"))]]"

  /// A job, as the provider has it.
  package struct Job: Sendable {
    /// Byte for byte.
    package let input: String
    /// Nil for a failure.
    package let output: String?
    package let retries: Int
    /// How many of its predictions the platform interrupts.
    package let interruptions: Int

    init(_ input: String, _ output: String?, retries: Int = 0, interruptions: Int = 0) {
      (self.input, self.output, self.retries, self.interruptions) = (input, output, retries, interruptions)
    }
  }

  /// How many predictions it needs.
  package var predictionCount: Int { jobs.values.reduce(0) { $0 + 1 + $1.interruptions } }
}
