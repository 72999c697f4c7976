/// Writes ``Metrics`` in Prometheus' text format, version 0.0.4.
package enum PrometheusText {
  package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  package static func render(_ metrics: Metrics) -> String {
    var page = Page()
    page.counters(
      "deliveries_total", "Verified and committed deliveries, by what they did.", metrics.deliveries,
      label: "outcome")
    page.counters(
      "unbound_deliveries_total", "Deliveries whose URL names a job that they were not bound to, by why.",
      metrics.unboundDeliveries, label: "reason")
    page.counter("jobs_created_total", "Jobs that were created through the API.", metrics.createdJobs)
    page.counters("refusals_total", "Refused requests, by problem code.", metrics.refusals, label: "code")
    page.counters(
      "secret_accepted_total", "Deliveries accepted by each webhook secret, by its position in the setting.",
      metrics.acceptedBySecret, label: "position")
    page.gauges(
      "secret_last_accepted_timestamp_seconds",
      "When each webhook secret last accepted a delivery; 0 for never.",
      metrics.lastAcceptanceBySecret, label: "position")
    page.counter("received_body_bytes_total", "Bytes of bodies that were verified.", metrics.bodyBytes)
    page.counter("commits_total", "Committed transactions.", metrics.commits)
    page.counter("commit_failures_total", "Transactions that could not be committed.", metrics.commitFailures)
    page.histogram(
      "commit_duration_seconds", "From the first statement to the durable commit.", metrics.commitDuration)
    page.counter("checkpoints_total", "Checkpoints of the write-ahead log.", metrics.checkpoints)
    page.gauge("open_connections", "Connections that are open.", metrics.openConnections)
    page.counter(
      "displaced_connections_total", "Connections closed to make room for others.",
      metrics.displacedConnections)
    page.gauge(
      "tls_certificate_expiry_timestamp_seconds", "When the certificate that is shown ends; 0 without TLS.",
      metrics.certificateExpiry)
    page.counters(
      "connection_failures_total", "Connections that failed before a request, or broke a bound of TLS.",
      metrics.connectionFailures, label: "reason")
    page.counter(
      "exhaustions_total", "Periods of ten seconds in which descriptors or memory ran out for a listener.",
      metrics.acceptErrors)
    page.counters(
      "provider_calls_total", "Calls to the provider's API, by what came of them.", metrics.providerCalls,
      label: "outcome")
    page.gauge(
      "provider_callers_blocked", "Callers that wait for a store that cannot be written.",
      metrics.blockedCallers)
    page.counter(
      "dropped_answers_total", "Answers of the provider that the store refused for themselves.",
      metrics.droppedAnswers)
    page.counter(
      "lost_webhooks_total", "Jobs whose end was found by asking; a delivery may have told of it later.",
      metrics.lostWebhooks)
    page.counter("stale_jobs_total", "Times that a job became stale.", metrics.staleJobs)
    page.counter("pruned_jobs_total", "Jobs deleted after RETENTION.", metrics.prunedJobs)
    return page.text
  }

  private struct Page {
    var text = ""
    private static let prefix = "replicate_webhookd_"

    mutating func counter(_ name: String, _ help: String, _ counter: Counter) {
      head(name, help, "counter")
      text += "\(Self.prefix)\(name) \(counter.value)\n"
    }

    mutating func gauge(_ name: String, _ help: String, _ counter: Counter) {
      head(name, help, "gauge")
      text += "\(Self.prefix)\(name) \(counter.value)\n"
    }

    mutating func counters(_ name: String, _ help: String, _ counters: LabeledCounters, label: String) {
      head(name, help, "counter")
      samples(name, counters, label: label)
    }

    mutating func gauges(_ name: String, _ help: String, _ counters: LabeledCounters, label: String) {
      head(name, help, "gauge")
      samples(name, counters, label: label)
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: DurationHistogram) {
      head(name, help, "histogram")
      let counts = histogram.cumulativeCounts
      for (bound, count) in zip(DurationHistogram.bounds, counts) {
        text += "\(Self.prefix)\(name)_bucket{le=\"\(Double(bound) / 1_000_000)\"} \(count)\n"
      }
      let total = counts.last ?? 0
      text += "\(Self.prefix)\(name)_bucket{le=\"+Inf\"} \(total)\n"
      text += "\(Self.prefix)\(name)_sum \(histogram.totalSeconds)\n"
      text += "\(Self.prefix)\(name)_count \(total)\n"
    }

    private mutating func head(_ name: String, _ help: String, _ type: String) {
      text += "# HELP \(Self.prefix)\(name) \(help)\n# TYPE \(Self.prefix)\(name) \(type)\n"
    }

    private mutating func samples(_ name: String, _ counters: LabeledCounters, label: String) {
      for value in counters.labels {
        text += "\(Self.prefix)\(name){\(label)=\"\(value)\"} \(counters[value]?.value ?? 0)\n"
      }
    }
  }
}
