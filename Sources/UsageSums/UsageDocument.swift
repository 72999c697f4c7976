internal import JSONText
internal import JobsAPI
internal import Time

/// The API's document of usage: the ends of jobs by day and model, and lost webhooks.
enum UsageDocument {
  /// - Parameter rows: the latest day first.
  static func render(_ rows: [DailyUsage], on days: ClosedRange<CalendarDay>) -> [UInt8] {
    var writer = JSONWriter(capacity: 256 * rows.count + 256)
    writer.object { object in
      object.member("from", string: days.lowerBound.text)
      object.member("to", string: days.upperBound.text)
      object.member("days") { list in
        list.array(totals(of: rows)) { element, total in
          element.object { day(total.day, total.usage, in: &$0) }
        }
      }
      object.member("usage") { list in
        list.array(rows) { element, row in element.object { model(row, in: &$0) } }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }

  private static func totals(of rows: [DailyUsage]) -> [(day: Int64, usage: Usage)] {
    var totals: [(day: Int64, usage: Usage)] = []
    for row in rows {
      if totals.last?.day == row.day {
        totals[totals.count - 1].usage.add(row.usage)
      } else {
        totals.append((row.day, row.usage))
      }
    }
    return totals
  }

  private static func day(_ day: Int64, _ usage: Usage, in object: inout JSONWriter.Object) {
    object.member("day", string: CalendarDay(number: day).text)
    counts(of: usage, in: &object)
    object.member("lost_webhooks", integer: usage.lostWebhooks)
    let ended = usage.succeeded + usage.failed + usage.canceled
    let share = ended > 0 ? (usage.lostWebhooks * 10_000 + ended / 2) / ended : 0
    object.member("lost_share", decimal: Decimal(share, digits: 4))
  }

  private static func model(_ row: DailyUsage, in object: inout JSONWriter.Object) {
    object.member("day", string: CalendarDay(number: row.day).text)
    object.member("model", string: row.model.isEmpty ? nil : row.model)
    counts(of: row.usage, in: &object)
  }

  static func counts(of usage: Usage, in object: inout JSONWriter.Object) {
    object.member("succeeded", integer: usage.succeeded)
    object.member("failed", integer: usage.failed)
    object.member("canceled", integer: usage.canceled)
    object.member("predict_seconds", decimal: Decimal(usage.predictMilliseconds, digits: 3))
    object.member("queue_seconds", decimal: Decimal(usage.queueMilliseconds, digits: 3))
    object.member("run_seconds", decimal: Decimal(usage.runMilliseconds, digits: 3))
  }
}
