internal import HTTPWire

/// What the simulator can be asked.
enum APIRoute: Equatable, Sendable {
  case create(CreateRequest.Endpoint)
  case list
  case prediction(String)
  case cancel(String)
  case stream(String)
  case webhookSecret
  case account
  case models
  case model(ModelName)
  case versions(ModelName)
  case version(ModelName, String)
  case deployment(ModelName)
  /// Not of Replicate's API: for tests.
  case overview

  /// - Parameter segments: of the path; a trailing slash makes no difference.
  init(_ method: Method, _ segments: [String]) throws(APIProblem) {
    let path = segments.last == "" ? segments.dropLast() : segments[...]
    guard let (method: wanted, route) = Self.find(Array(path), posts: method == .post) else {
      throw .notFound
    }
    guard method == wanted || method == .head && wanted == .get else {
      throw APIProblem(.methodNotAllowed, "Method \"\(method.name)\" not allowed.")
    }
    self = route
  }

  var isCreation: Bool {
    if case .create = self { true } else { false }
  }

  private static func find(_ path: [String], posts: Bool) -> (method: Method, APIRoute)? {
    if path == ["simulator", "predictions"] { return (.get, .overview) }
    guard path.first == "v1", path.count >= 2 else { return nil }
    let rest = path[2...].map { $0 }
    switch (path[1], rest.count) {
    case ("predictions", 0): return posts ? (.post, .create(.predictions)) : (.get, .list)
    case ("predictions", 1): return (.get, .prediction(rest[0]))
    case ("predictions", 2) where rest[1] == "cancel": return (.post, .cancel(rest[0]))
    case ("predictions", 2) where rest[1] == "stream": return (.get, .stream(rest[0]))
    case ("webhooks", 2) where rest == ["default", "secret"]: return (.get, .webhookSecret)
    case ("account", 0): return (.get, .account)
    case ("models", 0): return (.get, .models)
    case ("models", 2...4): return findModel(rest)
    case ("deployments", 2...3): return findDeployment(rest)
    default: return nil
    }
  }

  private static func findModel(_ rest: [String]) -> (method: Method, APIRoute)? {
    guard let model = ModelName(owner: rest[0], name: rest[1]) else { return nil }
    switch (rest.count, rest.count > 2 ? rest[2] : "") {
    case (2, _): return (.get, .model(model))
    case (3, "predictions"): return (.post, .create(.model(model)))
    case (3, "versions"): return (.get, .versions(model))
    case (4, "versions"): return (.get, .version(model, rest[3]))
    default: return nil
    }
  }

  private static func findDeployment(_ rest: [String]) -> (method: Method, APIRoute)? {
    guard let name = ModelName(owner: rest[0], name: rest[1]) else { return nil }
    if rest.count == 2 { return (.get, .deployment(name)) }
    return rest[2] == "predictions" ? (.post, .create(.deployment(name))) : nil
  }
}
