@testable import System

// @testable for its lock, which thread sanitizer supports.
@testable import EventLoop
import HTTPServer
import HTTPWire
import StandardWebhooks

/// A webhook as received.
struct ReceivedWebhook: Sendable {
  let id: String
  let timestamp: String
  let signature: String
  let path: String
  let body: [UInt8]
  let isSigned: Bool
}

/// An in-process webhook receiver.
///
/// `answer` maps a webhook, and the number of earlier ones with its id, to a status.
final class WebhookReceiver {
  private let loop: EventLoop
  private let thread: Thread
  private let store = Lock<[ReceivedWebhook]>([])
  let url: String

  init(_ answer: @escaping @Sendable (ReceivedWebhook, Int) -> Status = { _, _ in .ok }) throws {
    let kernel = try LinuxKernel()
    let (descriptor, address) = try kernel.listen(
      on: .ipv4(host: "127.0.0.1", port: 0), mode: nil, backlog: 1024)
    let loop = EventLoop(kernel: kernel)
    let handler = ReceivingHandler(store: store, answer: answer)
    let server = Server(loop: loop, limits: ServerLimits(), handler: handler)
    loop.start { _ = try? await server.run(listeningOn: [ServerSocket(descriptor: descriptor)]) }
    self.loop = loop
    thread = try Thread(named: "receiver") { loop.run() }
    url = "http://\(address)/hook"
  }

  deinit {
    loop.stop()
    thread.join()
  }

  var received: [ReceivedWebhook] { store.withLock { $0 } }
}

private final class ReceivingHandler: RequestHandler {
  private let store: Lock<[ReceivedWebhook]>
  private let answer: @Sendable (ReceivedWebhook, Int) -> Status
  private let secret = try? Secret(SimulatorProcess.secret)

  init(
    store: Lock<[ReceivedWebhook]>, answer: @escaping @Sendable (ReceivedWebhook, Int) -> Status
  ) {
    self.store = store
    self.answer = answer
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    .receive(maxBodyBytes: 8 * 1024 * 1024, respond: respond)
  }

  func respond(to request: Request) async -> Response {
    let fields = request.head.fields
    let (id, timestamp) = (fields.first("webhook-id") ?? "", fields.first("webhook-timestamp") ?? "")
    let expected = secret.flatMap {
      Signer.sign(id: id, timestamp: timestamp, body: request.body.span, with: $0)
    }
    let signature = fields.first("webhook-signature") ?? ""
    let webhook = ReceivedWebhook(
      id: id, timestamp: timestamp, signature: signature,
      path: request.head.target.segments.joined(separator: "/"),
      body: request.body,
      isSigned: expected != nil && expected == signature
        && fields.first("content-type") == "application/json")
    let before = store.withLock { list in
      defer { list.append(webhook) }
      return list.count { $0.id == webhook.id }
    }
    return Response(status: answer(webhook, before))
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response { Response(status: .badRequest) }

  func observe(_ event: ConnectionEvent) {}
}
