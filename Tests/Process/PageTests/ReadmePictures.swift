import Browser
import Foundation
import LiveDaemon
import Testing

extension PageTests {
  /// The two pictures of the README, made again by `README_PICTURES=1 swift test --filter ReadmePictures`.
  @Suite(.enabled(if: ProcessInfo.processInfo.environment["README_PICTURES"] != nil)) struct ReadmePictures {
    private static let models = """
      {
        "black-forest-labs/flux-schnell":
          {"output": [{"$file": "image"}, {"$file": "image"}, {"$file": "image"}, {"$file": "image"}],
           "duration": "1400ms"},
        "black-forest-labs/flux-1.1-pro": {"output": {"$file": "image"}, "duration": "2s"},
        "nightmareai/real-esrgan": {"output": {"$file": "image"}, "duration": "1100ms"},
        "meta/meta-llama-3-70b-instruct":
          {"output": ["A", " lamp", " that", " makes", " room", " for", " the", " evening", "."],
           "duration": "700ms"},
        "openai/whisper": {"output": {"transcription": "Good morning, and welcome.", "language": "en"},
           "duration": "900ms"},
        "minimax/video-01": {"output": {"$file": "image"}, "duration": "40s"},
        "stability-ai/stable-diffusion-3.5-large":
          {"end": "failed",
           "error": "NSFW content detected. Try running it again, or try a different prompt."},
        "tencent/hunyuan3d-2": {"queue": "10m", "output": {"$file": "image"}}
      }
      """

    /// Model, prompt, user, order, and the minutes since its creation: oldest first.
    private static let jobs: [(model: String, prompt: String, user: String, order: Int, age: Double)] = [
      ("black-forest-labs/flux-schnell", "a fox in the snow", "ana", 4698, 74),
      ("meta/meta-llama-3-70b-instruct", "a line for a lamp", "ben", 4699, 51),
      ("nightmareai/real-esrgan", "sharpen", "mia", 4700, 49),
      ("black-forest-labs/flux-1.1-pro", "a reading corner, evening light", "ben", 4701, 42),
      ("stability-ai/stable-diffusion-3.5-large", "a portrait", "tom", 4702, 38),
      ("openai/whisper", "transcribe", "eva", 4703, 33),
      ("black-forest-labs/flux-schnell", "two cups of tea", "lin", 4704, 27),
      ("black-forest-labs/flux-1.1-pro", "a lighthouse at dusk", "ana", 4705, 22),
      ("nightmareai/real-esrgan", "sharpen", "mia", 4706, 16),
      ("meta/meta-llama-3-70b-instruct", "a line for tea", "lin", 4707, 11),
      ("black-forest-labs/flux-schnell", "a desk lamp on a wooden table, warm light", "ben", 4708, 6),
      ("openai/whisper", "transcribe", "eva", 4709, 3),
      ("minimax/video-01", "a lamp is switched on", "ben", 4710, 0.7),
      ("minimax/video-01", "waves below a lighthouse", "ana", 4711, 0.4),
      ("tencent/hunyuan3d-2", "a lamp", "ben", 4712, 0.2),
    ]
    private static let shown = "order-4708"

    /// Moves the times of jobs into the past, in the store of a daemon that is stopped.
    private static let aging = """
      import sqlite3, sys
      store = sqlite3.connect(sys.argv[1])
      times = {"jobs": ["ordered_at", "created_at", "started_at", "completed_at", "updated_at",
                        "last_delivery_at", "heard_at"], "deliveries": ["received_at"]}
      for item in sys.argv[2:]:
          id, minutes = item.split("=")
          [number] = store.execute("SELECT number FROM jobs WHERE id = ?", [id]).fetchone()
          for table, columns in times.items():
              key = "number" if table == "jobs" else "job"
              changes = ", ".join(f"{column} = {column} - :shift" for column in columns)
              store.execute(f"UPDATE {table} SET {changes} WHERE {key} = :number",
                            {"shift": int(float(minutes) * 60e3), "number": number})
      store.commit()
      """

    @Test func `the pictures of the README`() throws {
      let folder = try TemporaryFolder()
      let models = try folder.write(Self.models, to: "models.json")
      try Visit.run(simulated: ["--models", models]) { visit in
        for job in Self.jobs {
          let metadata = ["user": job.user, "plan": job.order % 3 == 0 ? "free" : "pro"]
          try visit.submit(
            "order-\(job.order)", model: job.model, input: ["prompt": job.prompt, "num_outputs": 4],
            metadata: metadata)
          if job.age > 1 { try visit.await("order-\(job.order)") }
        }
        for order in [4710, 4711] { try visit.await("order-\(order)", in: ["running"]) }
        try visit.age(Self.aging, Self.jobs.filter { $0.age > 1 }.map { "order-\($0.order)=\($0.age)" })
        try visit.browser.setViewport(width: 1280, height: 800)
        try visit.open()
        try visit.browser.wait(for: "the list", seconds: 60) {
          let percent = try visit.browser.element(.css("tbody tr:nth-child(3) .percent")).text
          return try visit.rows.count == Self.jobs.count && (Int(percent.dropLast()) ?? 0) > 40
        }
        try visit.picture("page-jobs")
        try visit.browser.setViewport(width: 1280, height: 1000)
        try visit.openJob(Self.shown)
        try visit.browser.wait(for: "the pictures") {
          let isLoaded = try visit.browser.run(
            "return [...document.querySelectorAll('.gallery img')].every((image) => image.naturalWidth > 0);")
          return try isLoaded as? Bool == true && visit.browser.elements(.css(".gallery img")).count == 4
            && visit.browser.text.contains("running → succeeded")
        }
        try visit.picture("page-job")
      }
    }
  }
}

extension Visit {
  /// Runs a script on the store, with the daemon stopped.
  fileprivate func age(_ script: String, _ arguments: [String]) throws {
    stopDaemon()
    let result = try Program.run(["-c", script, databasePath] + arguments, executable: "/usr/bin/python3")
    guard result.status == 0 else { throw Unusable(result.error) }
    try startDaemon()
  }

  /// Writes a picture for the README.
  fileprivate func picture(_ name: String) throws {
    // A picture is decoded after it has loaded.
    try browser.runAsynchronously(
      "Promise.all([...document.images].map((one) => one.decode())).then(arguments[0]);")
    let path = try browser.takeScreenshot(name)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(data.count < 200_000, "\(name) has \(data.count) bytes")
    try data.write(to: Program.root.appendingPathComponent("deploy/docs/\(name).png"))
  }
}
