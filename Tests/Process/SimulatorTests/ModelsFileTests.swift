import Foundation
import LiveDaemon
import Testing
import Time

@testable import replicate_simulator

/// Models of the user's own.
@Suite struct ModelsFileTests {
  private func models(_ text: String) throws -> Models {
    let bytes = Array(text.utf8)
    return Models(adding: try ModelsFile(bytes.span).models)
  }

  @Test func membersSetTheBehaviour() throws {
    let models = try models(
      """
      {"acme/upscale": {"output": [{"$file": "image"}], "duration": "500ms", "queue": "0s",
       "logs": "one\\ntwo"},
       "acme/broken": {"end": "failed", "error": "out of luck"}, "acme/wrong": {"error": "wrong"},
       "acme/canceled": {"end": "canceled", "duration": "10s"}, "acme/plain": {},
       "demo/text": {"output": "mine"}}
      """)
    let behaviour = { (model: String) in models.behaviour(of: model, duration: .seconds(2)) }
    var expected = Behaviour(queue: .zero, duration: .milliseconds(500))
    expected.output = .template(.array([.file(FileSpec(.image))]))
    expected.isOutputOfTraining = true
    expected.logs = .text("one\ntwo")
    #expect(behaviour("acme/upscale") == expected)
    #expect(behaviour("acme/broken").ending == .failed("out of luck"))
    #expect(behaviour("acme/wrong").ending == .failed("wrong"))
    #expect(behaviour("acme/canceled").ending == .canceled)
    #expect(behaviour("acme/canceled").queue == .seconds(1))
    #expect(behaviour("acme/plain") == behaviour("demo/hello"))
    #expect(behaviour("demo/text").output == .template(.json(#""mine""#)))
    #expect(behaviour("other/model") == behaviour("demo/hello"))
    let name = try #require(ModelName("acme/upscale"))
    #expect(models.model(ofVersion: name.version) == name)
    #expect(models.names.count == Preset.all.count + 5)
  }

  @Test(arguments: [
    ("", "not a JSON object"), ("[]", "not a JSON object"), (#"{"acme": {}}"#, "write owner/name"),
    (#"{"missing/x": {}}"#, "owner other than missing"), (#"{"a/b": 7}"#, "`a/b`: must be an object"),
    (#"{"a/b": {}, "a/b": {}}"#, "`a/b` is there twice"), (#"{"a/b": {"ends": 1}}"#, "the member `ends`"),
    (#"{"a/b": {"end": "failed", "end": "failed"}}"#, "the member `end`"),
    (#"{"a/b": {"end": "late"}}"#, "one of succeeded"),
    (#"{"a/b": {"error": 1}}"#, "`error` must be a string"),
    (#"{"a/b": {"duration": 2}}"#, "`duration` must be a duration"),
    (#"{"a/b": {"duration": "2"}}"#, "`duration` must be a duration"),
    (#"{"a/b": {"queue": "-1s"}}"#, "`queue` must be a duration"),
    (#"{"a/b": {"logs": []}}"#, "`logs` must be"),
    (#"{"a/b": {"output": {"$file": "x"}}}"#, "`output` has an unknown kind of file"),
    (#"{"a/b": {"end": "succeeded", "error": "x"}}"#, "only a model that ends failed"),
  ])
  func faultsNameTheirCause(_ text: String, _ cause: String) {
    do {
      _ = try models(text)
      Issue.record("it was accepted")
    } catch {
      #expect("\(error)".contains(cause), "\(error)")
    }
  }

  /// The command as it is run: its exit status, and where the error is.
  @Test func faultyFileKeepsTheSimulatorFromStarting() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("models-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("models.json")
    try Data("{\n \"a/b\": {},\n \"a/c\": {\"end\": \"late\"}}\n".utf8).write(to: file)
    let run = { (path: String) in
      try Program.run(
        ["--models", path, "--listen", "127.0.0.1:0"], executable: SimulatorProcess.program.path)
    }
    let faulty = try run(file.path)
    #expect(faulty.status == 78 && faulty.output.isEmpty)
    #expect(
      faulty.error == "replicate-simulator: --models: \(file.path):3: `a/c`: `end` must be one of succeeded, "
        + "failed, canceled, aborted\n")
    let absent = try run(file.path + "x")
    #expect(absent.status == 78 && absent.error.contains("cannot be read"))
    try Data([UInt8](repeating: 0x20, count: 1_100_000)).write(to: file)
    let large = try run(file.path)
    #expect(large.status == 78 && large.error.contains("larger than"))
  }

  @Test func outputIsMadeOfTheInput() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("models-\(UUID().uuidString)")
    let text = """
      {"acme/caption": {"output": {"text": {"$input": "prompt"}, "image": {"$file": "image"}},
       "duration": "0s", "logs": "captioned"},
       "acme/broken": {"end": "failed", "error": "out of luck", "duration": "0s"}}
      """
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let simulator = try SimulatorProcess(["--models", file.path])
    let id = try simulator.create("acme/caption", input: #"{"prompt":"a fox"}"#)
    let broken = try simulator.create("acme/broken")
    _ = try simulator.settled(created: 2)
    let prediction = try simulator.send("/v1/predictions/\(id)").json
    let output = try #require(prediction["output"] as? [String: String])
    #expect(output["text"] == "a fox" && prediction["logs"] as? String == "captioned")
    #expect(try simulator.fetch(try #require(output["image"]), []).fields["content-type"] == "image/png")
    #expect(try simulator.send("/v1/predictions/\(broken)").json["error"] as? String == "out of luck")
    // Clients find the model, and create by its version.
    let model = try simulator.send("/v1/models/acme/caption").json
    let version = try #require((model["latest_version"] as? [String: Any])?["id"] as? String)
    let created = try simulator.send("/v1/predictions", body: #"{"version":"\#(version)","input":{}}"#)
    #expect(created.json["model"] as? String == "acme/caption")
  }
}
