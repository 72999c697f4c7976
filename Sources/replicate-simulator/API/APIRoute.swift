internal import HTTPWire

/// A route of the API, matched from method and path.
enum APIRoute: Equatable, Sendable {
  case create(CreateRequest.Endpoint)
  case list(RunKind)
  case run(RunKind, id: String)
  case cancel(RunKind, id: String)
  /// A stream by its key. The URL is a capability: it needs no token.
  case stream(String)
  case createFile
  case files
  case file(id: String)
  case deleteFile(id: String)
  /// A file's bytes.
  case download(id: String)
  case webhookSecret
  case account
  case models
  case model(ModelName)
  case versions(ModelName)
  case version(ModelName, String)
  case deployment(ModelName)
  /// A file of an output. The URL is a capability: it needs no token.
  case output(key: String, name: String)
  /// A file without a prediction, of this size. For tests; no part of Replicate's API.
  case bareFile(byteCount: Int, name: String)
  /// For tests; no part of Replicate's API.
  case overview

  /// - Parameter segments: the path's segments; a trailing slash makes no difference.
  init(_ method: Method, _ segments: [String]) throws(APIProblem) {
    let path = segments.last == "" ? segments.dropLast() : segments[...]
    guard let (method: wanted, route) = Self.find(Array(path), method) else {
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

  /// Whether the route needs a token. The overview and URLs that are capabilities do not.
  var needsToken: Bool {
    switch self {
    case .overview, .stream, .output, .bareFile, .download: false
    default: true
    }
  }

  /// Whether it belongs to the API, whose responses can be delayed and fail on purpose.
  var isOfAPI: Bool {
    switch self {
    case .overview, .output, .bareFile: false
    default: true
    }
  }

  /// - Parameter path: with or without a leading `v1`, because clients differ in their base URLs.
  private static func find(_ path: [String], _ method: Method) -> (method: Method, APIRoute)? {
    if path == ["simulator", "predictions"] { return (.get, .overview) }
    if path.count == 4, path.starts(with: ["simulator", "files"]), let byteCount = Int(path[2]),
      (0...FileSpec.maxByteCount).contains(byteCount)
    {
      return (.get, .bareFile(byteCount: byteCount, name: path[3]))
    }
    if path.count == 3, path[0] == PredictionDocument.filesFolder {
      return (.get, .output(key: path[1], name: path[2]))
    }
    let path = path.first == "v1" ? path.dropFirst() : path[...]
    guard let first = path.first else { return nil }
    let rest = Array(path.dropFirst())
    if let kind = RunKind(rawValue: first) { return findRun(kind, rest, method) }
    switch (first, rest.count) {
    case ("streams", 1): return (.get, .stream(rest[0]))
    case ("files", 0): return method == .post ? (.post, .createFile) : (.get, .files)
    case ("files", 1):
      return method == .delete ? (.delete, .deleteFile(id: rest[0])) : (.get, .file(id: rest[0]))
    case ("files", 2) where rest[1] == "download": return (.get, .download(id: rest[0]))
    case ("webhooks", 2) where rest == ["default", "secret"]: return (.get, .webhookSecret)
    case ("account", 0): return (.get, .account)
    case ("models", 0): return (.get, .models)
    case ("models", 2...5): return findModel(rest)
    case ("deployments", 2...3): return findDeployment(rest)
    default: return nil
    }
  }

  private static func findRun(
    _ kind: RunKind, _ rest: [String], _ method: Method
  ) -> (method: Method, APIRoute)? {
    switch rest.count {
    // A training is created below a model's version.
    case 0: kind == .prediction && method == .post ? (.post, .create(.predictions)) : (.get, .list(kind))
    case 1: (.get, .run(kind, id: rest[0]))
    case 2 where rest[1] == "cancel": (.post, .cancel(kind, id: rest[0]))
    default: nil
    }
  }

  private static func findModel(_ rest: [String]) -> (method: Method, APIRoute)? {
    guard let model = ModelName(owner: rest[0], name: rest[1]) else { return nil }
    switch (rest.count, rest.count > 2 ? rest[2] : "") {
    case (2, _): return (.get, .model(model))
    case (3, "predictions"): return (.post, .create(.model(model)))
    case (3, "versions"): return (.get, .versions(model))
    case (4, "versions"): return (.get, .version(model, rest[3]))
    case (5, "versions") where rest[4] == "trainings":
      return (.post, .create(.training(model, version: rest[3])))
    default: return nil
    }
  }

  private static func findDeployment(_ rest: [String]) -> (method: Method, APIRoute)? {
    guard let name = ModelName(owner: rest[0], name: rest[1]) else { return nil }
    if rest.count == 2 { return (.get, .deployment(name)) }
    return rest[2] == "predictions" ? (.post, .create(.deployment(name))) : nil
  }
}

extension Method {
  fileprivate static let delete = Method("DELETE")
}
