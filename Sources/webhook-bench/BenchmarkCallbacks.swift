import Glibc

/// The scenario `callbacks`: deliveries, each of which ends a job, beside a slow receiver of callbacks.
extension Benchmark {
  func sendCallbacks() throws {
    try requireDescriptors(options.connections + 64)
    let folder = try makeFolder()
    let sink = options.callbackRate > 0 ? try CallbackSink(rate: options.callbackRate) : nil
    let receiver = try receiver(
      database: database(in: folder), in: folder,
      settings: sink.map { ["CALLBACK_URL=http://127.0.0.1:\($0.port)/callbacks"] } ?? [])
    let recipe = options.recipe(for: .callbacks, seed: seed)
    progress?.show("signing \(Quantity.grouped(recipe.deliveries)) deliveries")
    let workload = try Workload(recipe, to: receiver.webhooks, signedWith: receiver.secret)
    let lane = Lane(
      "deliveries", to: receiver.webhooks, workload.requests, sends: workload.sends,
      connections: options.connections, rate: options.rate)
    let loop = try LoadLoop([lane], with: sink)
    loop.attachGuest()
    let measurement = try Measurement.run(
      loop, [lane], on: receiver.process, seconds: options.seconds, progress: progress)
    var report = report(.callbacks, measurement, Self.title(workload, recipe), recipe)
    if let sink {
      report.notes = notes(sink)
      // None while jobs end, or one twice: something is wrong with the sender.
      if sink.received == 0 || sink.repeated > 0 { isFaultless = false }
    }
    if options.verify {
      report.verification = try Verification(of: workload, lane, at: receiver, progress: progress)
    }
    show(report)
  }

  private func notes(_ sink: CallbackSink) -> [Report.Note] {
    [
      Report.Note(
        label: "callbacks", text: "\(Quantity.grouped(sink.received)) received meanwhile", key: "callbacks",
        value: .integer(sink.received)),
      Report.Note(
        label: "sent again", text: "\(sink.repeated)", key: "callbacks_repeated",
        value: .integer(sink.repeated)),
    ]
  }
}
