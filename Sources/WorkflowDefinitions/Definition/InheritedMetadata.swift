internal import JSONText
internal import JobRequests

/// The metadata of steps' jobs, which lists, filters and deletions find them by.
extension WorkflowDefinition {
  /// The workflow's members, and the step's own, which replace those of the same name.
  package func metadata(of job: JobTemplate) -> [UInt8]? {
    let own = job.members.last { $0.name == "metadata" }.map { Array(text[$0.value]) }
    guard let metadata else { return own }
    guard let own else { return metadata }
    return Self.merge(metadata, own)
  }

  private static func merge(_ general: [UInt8], _ own: [UInt8]) -> [UInt8] {
    let (general, own) = (Self.members(of: general), Self.members(of: own))
    let names = Set(own.map(\.name))
    var writer = JSONWriter()
    writer.object { object in
      for member in general.filter({ !names.contains($0.name) }) + own {
        object.member(named: member.name) { $0.raw(member.value[...]) }
      }
    }
    return writer.bytes
  }

  private static func members(of text: [UInt8]) -> [(name: String, value: [UInt8])] {
    let span = text.span
    // It was validated.
    let members = (try? JSONScanner.object(span))?.members ?? []
    return members.map { (JSONString.decode($0.name, of: span), Array(text[$0.value.range])) }
  }

  /// Checks the metadata of each step's jobs together with the workflow's.
  func checkMetadata() throws(WorkflowFault) {
    guard metadata != nil else { return }
    for step in steps {
      guard let text = metadata(of: step.target) else { continue }
      guard text.count <= PredictionRequest.maxMetadataBytes else {
        throw WorkflowFault(
          step: step.name, member: "metadata",
          reason: "is larger than \(PredictionRequest.maxMetadataBytes) bytes together with the workflow's")
      }
      do throws(MetadataMembers.Fault) {
        _ = try MetadataMembers.members(of: text.span)
      } catch {
        throw WorkflowFault(
          step: step.name, member: "metadata",
          reason: error.description.reason(about: "metadata")
            + "; a step's job has the members of the workflow's `metadata` too")
      }
    }
  }
}
