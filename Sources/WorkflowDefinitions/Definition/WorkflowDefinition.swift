internal import JSONText
package import JobRequests

/// A workflow as an app has posted it: jobs that follow from each other.
///
///     {"steps": [{"name": "image", "model": "acme/poster", "input": {"prompt": "two herons"}},
///                {"name": "caption", "model": "acme/captioner", "input": {"image": {"$from": "image#/0"}}}]}
package struct WorkflowDefinition: Sendable {
  /// The body, byte for byte. All ranges are places in it.
  package let text: [UInt8]
  /// The app's own id. Nil where one is to be made.
  package let id: String?
  package let steps: [Step]
  /// Where the object `input` stands. Nil where there is none, which is an empty one.
  let input: Range<Int>?
  /// Nil for the output of the last step.
  package let output: Template?
  /// Whether the failure of a step cancels all others.
  package let cancelsOnFailure: Bool
  /// In milliseconds from the start of an attempt.
  package let deadline: Int64
  package let limits: Limits
  package let callback: CallbackRequest?
  /// The text of the object that `callback` was read from.
  package let callbackText: [UInt8]?
  /// The text of the app's own JSON object.
  package let metadata: [UInt8]?

  /// When no new job starts any more.
  package struct Limits: Equatable, Sendable {
    /// The number of planned jobs, without retries and fallbacks.
    package let predictions: Int
    /// In milliseconds. Nil for none.
    package let predictTime: Int64?
  }

  /// In bytes of the body.
  package static let maxBytes = 256 * 1024
  package static let maxSteps = 50

  /// The text of the object `input`.
  package var inputText: ArraySlice<UInt8> { input.map { text[$0] } ?? [UInt8]("{}".utf8)[...] }

  /// The digest of a body's meaning. Equal ones are the same workflow.
  package static func digest(of body: Span<UInt8>) -> [UInt8] { RequestDigest().digest(of: body) }
}

extension WorkflowDefinition {
  /// One step: a job request with a name, run once or once an item.
  package struct Step: Sendable {
    package let name: String
    /// What runs.
    package let target: JobTemplate
    /// What runs where ``target`` has failed for good, in order.
    package let fallbacks: [JobTemplate]
    /// The error codes that lead to a fallback. Nil for the default.
    let fallbackCodes: Set<String>?
    package let when: Condition?
    package let require: Condition?
    package let list: List?
    /// Whether its failure does not fail the workflow.
    package let isOptional: Bool
    /// The steps that must be over first, in order of their positions.
    package let sources: [Source]
  }

  /// A step that another step waits for.
  package struct Source: Equatable, Sendable {
    package let step: Int
    /// Whether the other step can run where this one has no output.
    package let isWeak: Bool
    /// Whether its output is read, and not only awaited.
    package let isRead: Bool
    /// The member that names it.
    package let member: String
  }

  /// `for_each` and its members.
  package struct List: Equatable, Sendable {
    package let items: Template
    package let maxItems: Int
    package let parallel: Int
    /// Whether the output of a failed item is null.
    package let skipsFailures: Bool
  }

  /// A job request before its input is put together.
  package struct JobTemplate: Equatable, Sendable {
    /// The value of `model`, `version` or `deployment`.
    package let name: String
    /// The members to pass on, by their places, without `input`.
    package let members: [Member]
    package let input: Template

    package struct Member: Equatable, Sendable {
      package let name: String
      package let value: Range<Int>
    }
  }
}

extension WorkflowDefinition.Step {
  /// The codes that lead to no fallback where the step names none.
  ///
  /// Another model cannot help there, or must not be paid.
  private static let finalCodes: Set<String> = [
    "canceled", "invalid_input", "content_refused", "insufficient_credit",
  ]

  /// Whether a failure with that code leads to a fallback.
  package func allowsFallback(on code: String) -> Bool {
    fallbackCodes?.contains(code) ?? !Self.finalCodes.contains(code)
  }

  package var isFanOut: Bool { list != nil }
  package var parallel: Int { list?.parallel ?? 1 }
  package var skipsFailures: Bool { list?.skipsFailures ?? false }

  /// The model, version or deployment of an attempt. Number 0 is the step's own, others are fallbacks.
  package func job(_ fallback: Int) -> WorkflowDefinition.JobTemplate? {
    fallback == 0 ? target : fallbacks.indices.contains(fallback - 1) ? fallbacks[fallback - 1] : nil
  }
}
