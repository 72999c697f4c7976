internal import JSONText

/// JSON of a model, its version and its deployment.
struct ModelDocument {
  let model: ModelName
  let publicURL: String
  let models: Models

  /// The creation time of all models and versions.
  private static let createdAt = "2026-01-01T00:00:00.000000Z"
  private static let account =
    #"{"type":"organization","username":"simulator","name":"Simulator","github_url":null}"#

  static var accountBytes: [UInt8] { Array(account.utf8) }

  func writeModel(to writer: inout JSONWriter) {
    writer.object { object in
      object.member("url", string: "\(publicURL)/\(model)")
      object.member("owner", string: model.owner)
      object.member("name", string: model.name)
      object.member("description", string: models[model]?.explanation ?? "")
      object.member("visibility", string: "public")
      object.member("run_count", integer: 0)
      let unknown: [StaticString] = [
        "github_url", "paper_url", "license_url", "cover_image_url", "default_example",
      ]
      for name in unknown { object.member(name, orNull: nil) }
      object.member("latest_version") { writeVersion(model.version, to: &$0) }
    }
  }

  func writeVersion(_ id: String, to writer: inout JSONWriter) {
    writer.object { object in
      object.member("id", string: id)
      object.member("created_at", string: Self.createdAt)
      object.member("cog_version", string: "0.16.9")
      object.member("openapi_schema") { writer in
        writer.object { schema in
          schema.member("openapi", string: "3.0.2")
          schema.member("info", raw: Array(#"{"title":"Cog","version":"0.1.0"}"#.utf8)[...])
          schema.member("paths", raw: Array("{}".utf8)[...])
          schema.member("components", raw: Array(components.utf8)[...])
        }
      }
    }
  }

  func writeDeployment(to writer: inout JSONWriter) {
    writer.object { object in
      object.member("owner", string: model.owner)
      object.member("name", string: model.name)
      object.member("current_release") { writer in
        writer.object { release in
          release.member("number", integer: 1)
          release.member("model", string: "\(model)")
          release.member("version", string: model.version)
          release.member("created_at", string: Self.createdAt)
          release.member("created_by", raw: Self.accountBytes[...])
          release.member(
            "configuration",
            raw: Array(#"{"hardware":"cpu","min_instances":0,"max_instances":1}"#.utf8)[...])
        }
      }
    }
  }

  /// The schema's components, from which clients learn whether the output streams.
  private var components: String {
    let isStreaming: Bool
    if case .tokens = models.behaviour(of: model, duration: .zero).output {
      isStreaming = true
    } else {
      isStreaming = false
    }
    let output =
      isStreaming
      ? #"{"type":"array","items":{"type":"string"},"x-cog-array-type":"iterator","#
        + #""x-cog-array-display":"concatenate"}"#
      : #"{"title":"Output"}"#
    return #"{"schemas":{"Input":{"type":"object","title":"Input"},"Output":\#(output)}}"#
  }
}
