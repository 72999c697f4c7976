internal import Ledger
internal import Logging
internal import Jobs
internal import Observability
internal import StoreSeam
internal import Time

extension LineLogHandler {
  /// Logs a stored delivery.
  ///
  /// Every delivery writes this line, so its fields are written straight into it.
  func logDelivery(_ delivery: Delivery, _ recording: Recording, secretPosition: Int, took duration: Duration)
  {
    log(.info, "delivery") { line in
      let snapshot = delivery.snapshot
      line.add("bytes", delivery.body.count)
      if recording.jobID != snapshot.predictionID { line.add("job", recording.jobID) }
      line.add("microseconds", duration.wholeNanoseconds / 1000)
      line.add("outcome", recording.outcome.rawValue)
      line.add("prediction_id", snapshot.predictionID)
      line.add("provider_status", snapshot.providerStatus)
      line.add("revision", recording.revision)
      line.add("secret", secretPosition)
      line.add("state", recording.state.rawValue)
      line.add("webhook_id", delivery.webhookID)
    }
  }
}
