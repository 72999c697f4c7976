/// The models that have a behaviour of their own. Any other behaves as the first.
struct Models: Sendable {
  private let presets: [ModelName: Preset]
  /// In the order of the table.
  let names: [ModelName]
  private let modelOfVersion: [String: ModelName]

  static let builtIn = Models(adding: [])

  /// - Parameter added: replace built-in models of the same name.
  init(adding added: [Preset]) {
    var presets: [ModelName: Preset] = [:]
    var names: [ModelName] = []
    for preset in Preset.all + added {
      guard let name = ModelName(preset.model) else { continue }
      if presets.updateValue(preset, forKey: name) == nil { names.append(name) }
    }
    self.presets = presets
    self.names = names
    modelOfVersion = Dictionary(names.map { ($0.version, $0) }) { first, _ in first }
  }

  subscript(_ model: ModelName) -> Preset? { presets[model] }

  /// The behaviour of `model` in a prediction that takes `duration`.
  func behaviour(of model: ModelName, duration: Duration) -> Behaviour {
    let preset = presets[model] ?? names.first.flatMap { presets[$0] }
    return preset?.behaviour(duration: duration)
      ?? Behaviour(queue: duration.part(1, of: 10), duration: duration)
  }

  /// The model of a version's id; the first for an unknown id.
  func model(ofVersion version: String) -> ModelName? { modelOfVersion[version] ?? names.first }
}
