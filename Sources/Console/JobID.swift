package import ArgumentParser

/// Validates a job id given as an argument.
package enum JobID {
  /// Rejects ids that would name another path of the API.
  ///
  /// An empty id is the path of all jobs. The API never finds an id with a slash, or a dot segment, by its
  /// path. The ids of workflows follow the same rule.
  ///
  /// - Parameter verb: the command that lists the ids.
  package static func validate(
    _ id: String, of kind: String = "job", listedBy verb: String = "jobs"
  ) throws(ValidationError) {
    guard !id.isEmpty else {
      throw ValidationError("the \(kind)'s id is empty: `replicate-webhookd \(verb)` lists them")
    }
    let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
    guard id != ".", id != "..", !id.contains("/"), !id.unicodeScalars.contains(where: isControl) else {
      throw ValidationError("invalid \(kind) id: `replicate-webhookd \(verb)` lists them")
    }
  }

  package static func validateWorkflow(_ id: String) throws(ValidationError) {
    try validate(id, of: "workflow", listedBy: "workflow list")
  }
}
