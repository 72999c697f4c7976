import Foundation
import LiveDaemon
import HTTPWire
import Testing

extension SimulatorProcessTests {
  /// The simulator's counts match the webhooks received, despite all faults.
  @Test func overviewMatchesReceivedWebhooks() throws {
    let simulator = try SimulatorProcess([
      "--duration", "400ms", "--create-rate", "100000", "--seed", "11", "--lose", "0.2", "--duplicate", "0.2",
      "--reorder", "0.3", "--api-errors", "0.1", "--retry-window", "3s",
    ])
    let receiver = try WebhookReceiver { _, before in before == 0 ? .serviceUnavailable : .ok }
    let models = ["demo/hello", "demo/tokens", "demo/fail", "demo/instant", "demo/null"]
    var answered: Set<String> = []
    var refused = 0
    for number in 0..<200 {
      let answer = try simulator.send(
        "/v1/models/\(models[number % models.count])/predictions",
        body: #"{"input":{},"webhook":"\#(receiver.url)?job=\#(number)"}"#)
      if answer.status == 201 {
        answered.insert(try #require(answer.json["id"] as? String))
      } else {
        #expect([500, 503].contains(answer.status))
        refused += 1
      }
    }
    let created = try #require(try simulator.send("/simulator/predictions").json["created"] as? Int)
    #expect((5...40).contains(refused) && created > answered.count && created < 200)
    let records = try simulator.settled(created: created)
    #expect(records.count == created)
    #expect(
      Set(records.filter { $0["create_answered"] as? Bool == true }.compactMap { $0["id"] as? String })
        == answered)
    let received = receiver.received
    #expect(received.allSatisfy { $0.isSigned })
    let byPrediction = Dictionary(grouping: received) { $0.json["id"] as? String ?? "" }
    var (lost, overtaken) = (0, 0)
    for record in records {
      let webhooks = try #require(record["webhooks"] as? [String: Any])
      func count(_ name: String) -> Int { webhooks[name] as? Int ?? -1 }
      let seen = byPrediction[record["id"] as? String ?? ""] ?? []
      // The receiver rejects each first attempt, so an acknowledgement takes a copy or a retry.
      let acknowledged = Set(seen.map(\.id)).count { id in seen.count { $0.id == id } > 1 }
      #expect(count("sent") == seen.count && count("acknowledged") == acknowledged)
      #expect(count("planned") == count("acknowledged") + count("lost") + count("failed"))
      #expect(Set(seen.map(\.id)).count == count("planned") - count("lost"))
      let end = record["status"] as? String
      let hasEnd = seen.contains { $0.status == end }
      #expect((webhooks["completed"] as? String == "acknowledged") == hasEnd)
      lost += count("lost")
      if let index = seen.firstIndex(where: { $0.status == end }) {
        overtaken += seen[index...].count { $0.status != end }
      }
    }
    #expect(lost > 20 && overtaken > 5)
  }

  @Test func sameSeedRepeatsFaultsOfSameCreations() throws {
    func outcomes(_ seed: Int) throws -> [String] {
      let simulator = try SimulatorProcess([
        "--duration", "0s", "--seed", "\(seed)", "--lose", "0.5", "--api-errors", "0.3", "--create-rate",
        "100000",
        "--retry-window", "0s",
      ])
      let receiver = try WebhookReceiver()
      var statuses: [String] = []
      for number in 0..<40 {
        let body = #"{"version":"demo/hello","input":{},"webhook":"\#(receiver.url)?job=\#(number)"}"#
        statuses.append("\(try simulator.send("/v1/predictions", body: body).status)")
      }
      let created = try #require(try simulator.send("/simulator/predictions").json["created"] as? Int)
      return statuses
        + (try simulator.settled(created: created).map { record in
          let webhooks = record["webhooks"] as? [String: Any] ?? [:]
          return "\(record["create_answered"] ?? "") \(webhooks["lost"] ?? "") \(webhooks["completed"] ?? "")"
        })
    }
    let first = try outcomes(5)
    #expect(Set(first).count > 5)
    #expect(try outcomes(5) == first)
    #expect(try outcomes(6) != first)
  }

  /// Replicate's Python library works unchanged; deploy/test.sh installs it.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"] != nil,
      "deploy/test.sh installs the libraries"))
  func officialClientRunsPredictions() throws {
    let python = try #require(ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"])
    // The library makes files of https: URLs only.
    let simulator = try SimulatorProcess(
      ["--duration", "600ms", "--output-base", "https://replicate.delivery/"])
    let receiver = try WebhookReceiver()
    let script = """
      import replicate
      hook = "\(receiver.url)"
      print([str(file)[:28] for file in replicate.run("demo/hello", input={"prompt": "x"})])
      print(replicate.run("demo/text", input={"simulate": {"duration_ms": 1500}}, wait=1))
      version = replicate.models.get("demo/tokens").latest_version.id
      print("".join(replicate.run("demo/tokens:" + version, input={})))
      print("".join(str(event) for event in replicate.stream("demo/tokens", input={})))
      for model in ["demo/memory", "missing/model"]:
          try:
              replicate.run(model, input={})
          except replicate.exceptions.ModelError as error:
              print("failed", error)
          except replicate.exceptions.ReplicateError as error:
              print("refused", error.status)
      prediction = replicate.predictions.create(
          model="demo/object", input={}, webhook=hook, webhook_events_filter=["completed"])
      print(prediction.status)
      prediction.wait()
      print(prediction.status, sorted(prediction.output), prediction.progress.percentage)
      print(replicate.predictions.get(prediction.id).output == prediction.output)
      prediction = replicate.predictions.create(version=version, input={})
      prediction.cancel()
      prediction.reload()
      print(prediction.status)
      prediction = replicate.deployments.get("demo/text").predictions.create(input={})
      prediction.wait()
      account = replicate.Client(api_token="any", base_url="\(simulator.url)").accounts.current()
      print(prediction.output, len(replicate.predictions.list()), account.username)
      """
    let result = try run(python, script, simulator.url)
    #expect(
      result.split(separator: "\n") == [
        "['https://replicate.delivery/x']", "Hello from the simulator",
        "A stand-in for the real thing, one token after another, until nothing is left to say.",
        "A stand-in for the real thing, one token after another, until nothing is left to say.",
        "failed CUDA out of memory. Tried to allocate 2.50 GiB (E1001)", "refused 404", "starting",
        "succeeded ['image', 'mask'] 1.0", "True", "canceled", "Hello from the simulator 8 simulator",
      ])
    _ = try simulator.settled(created: 8)
    let webhook = try #require(receiver.received.first)
    #expect(receiver.received.count == 1 && webhook.isSigned)
    let check = """
      import json, sys, replicate
      from replicate.webhook import Webhooks, InvalidSignatureError
      headers = {"webhook-id": "\(webhook.id)", "webhook-timestamp": "\(webhook.timestamp)",
                 "webhook-signature": "\(webhook.signature)"}
      body = json.loads(\(quoted(String(decoding: webhook.body, as: UTF8.self))))
      secret = replicate.webhooks.default.secret()
      Webhooks.validate(headers=headers, body=body, secret=secret, tolerance=300)
      try:
          Webhooks.validate(headers=headers, body=body + " ", secret=secret, tolerance=300)
      except InvalidSignatureError:
          print("validated")
      """
    #expect(try run(python, check, simulator.url) == "validated\n")
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"] != nil,
      "deploy/test.sh installs the libraries"))
  func officialClientUploadsAndTrains() throws {
    let python = try #require(ProcessInfo.processInfo.environment["OFFICIAL_LIBRARIES_PYTHON"])
    let simulator = try SimulatorProcess(["--duration", "300ms"])
    let script = """
      import io, replicate
      file = replicate.files.create(io.BytesIO(b"lamp" * 1000), filename="lamp.png", metadata={"a": 1})
      print(file.name, file.content_type, file.size, file.metadata)
      print(replicate.files.get(file.id).checksums == file.checksums, len(replicate.files.list()))
      print(replicate.run("demo/text", input={"image": io.BytesIO(b"x" * 300000)}))
      stored = replicate.files.list()[0]
      print(stored.size)
      print(replicate.files.delete(file.id), len(replicate.files.list()))
      version = replicate.models.get("demo/hello").latest_version.id
      training = replicate.trainings.create(
          model="demo/hello", version=version, destination="me/lamp", input={"steps": 3})
      print(training.status)
      while training.status not in ("succeeded", "failed"):
          training.reload()
      print(training.status, training.destination, len(replicate.trainings.list().results))
      print(replicate.trainings.get(training.id).output["weights"][-17:])
      """
    let result = try run(python, script, simulator.url)
    #expect(
      result.split(separator: "\n") == [
        "lamp.png image/png 4000 {'a': 1}", "True 1", "Hello from the simulator", "300000", "True 1",
        "starting", "succeeded me/lamp 1", "trained_model.tar",
      ])
  }

  /// A Python string literal of a JSON string literal.
  private func quoted(_ text: String) -> String {
    func literal(_ text: String) -> String {
      "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        + "\""
    }
    return literal(literal(text))
  }

  private func run(_ python: String, _ script: String, _ url: String) throws -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("output-\(UUID().uuidString)")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = ChildProcess()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-W", "ignore", "-c", script]
    process.environment = [
      "REPLICATE_API_TOKEN": "r8_any", "REPLICATE_BASE_URL": url, "REPLICATE_POLL_INTERVAL": "0.05",
      "PYTHONIOENCODING": "utf-8",
    ]
    process.standardOutput = try FileHandle(forWritingTo: file)
    process.standardError = process.standardOutput
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }
}
