internal import EventLoop
internal import HTTPServer
internal import System

/// Opens the sockets of one listener, or takes those that systemd opened.
struct ListeningSockets {
  let handedOver: SocketActivation
  let kernel: any Kernel
  let backlog: Int
  let usesTLS: Bool

  typealias Bound = (socket: ServerSocket, address: SocketAddress)

  /// One socket for each of `addresses`, or several where systemd has several of one name.
  ///
  /// - Parameter variable: the setting to name where something cannot be listened on.
  func open(_ addresses: [ListenAddress], for variable: String) throws(StartError) -> [Bound] {
    var opened: [Bound] = []
    for listen in addresses {
      let count = opened.count
      do throws(SystemError) {
        for (descriptor, address) in try open(listen.source) {
          // What comes through a unix socket does not leave this machine.
          let socket = ServerSocket(
            descriptor: descriptor, expectsProxyHeader: listen.expectsProxyHeader,
            usesTLS: usesTLS && address.port != nil)
          opened.append((socket, address))
        }
      } catch {
        throw .listen(variable: variable, "\(listen)", error)
      }
      if opened.count == count, case .activation(let name) = listen.source {
        throw .notHandedOver(variable: variable, name: name, available: handedOver.names)
      }
    }
    return opened
  }

  private func open(
    _ source: ListenAddress.Source
  ) throws(SystemError) -> [(descriptor: Int32, bound: SocketAddress)] {
    switch source {
    case .bind(let address, let mode): [try kernel.listen(on: address, mode: mode, backlog: backlog)]
    case .activation(let name): try handedOver.listening(named: name)
    }
  }
}
