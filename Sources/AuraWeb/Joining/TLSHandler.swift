internal import AuraCrypto
internal import NIOCore

/// TLS between a connection and what speaks through it, on OpenSSL, which is here for DTLS anyway: a TLS of
/// SwiftNIO's own would bring another whole library of cryptography into the build.
final class TLSHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  private var connection: TLSConnection
  /// Whether it has failed, or we have ended it: nothing more is told.
  private var isOver = false

  /// - Parameter host: whom the certificate must name.
  /// - Throws: `TLSConnection.Failure` when that is no name.
  init(to host: String) throws {
    // A zone is this computer's own word for the way there.
    connection = try TLSConnection(to: String(host.prefix { $0 != "%" }))
  }

  func channelActive(context: ChannelHandlerContext) {
    _ = attempt(context) { () throws(TLSConnection.Failure) in try connection.start() }
    context.fireChannelActive()
  }

  /// An end that the peer has not told of may be somebody else's, and what came before it a part.
  func channelInactive(context: ChannelHandlerContext) {
    if !connection.hasEnded, !isOver {
      isOver = true
      context.fireErrorCaught(TLSConnection.Failure.broken("it was cut off"))
    }
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = Array(unwrapInboundIn(data).readableBytesView)
    let plain = attempt(context) { () throws(TLSConnection.Failure) in
      try connection.receive(bytes)
    }
    // Whoever reads it may close the connection, which comes by here again.
    if let plain, !plain.isEmpty {
      context.fireChannelRead(wrapInboundOut(context.channel.allocator.buffer(bytes: plain)))
    }
    if connection.hasEnded { context.close(promise: nil) }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .byteBuffer(let buffer) = unwrapOutboundIn(data) else {
      promise?.fail(ChannelError.operationUnsupported)
      return
    }
    _ = attempt(context) { () throws(TLSConnection.Failure) in
      try connection.send(Array(buffer.readableBytesView))
    }
    promise?.succeed()
  }

  func flush(context: ChannelHandlerContext) { send(context) }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    connection.close()
    send(context)
    if mode != .output { isOver = true }
    context.close(mode: mode, promise: promise)
  }

  /// - Returns: what the step has; nil where the connection is of no use.
  private func attempt<Result>(
    _ context: ChannelHandlerContext, _ step: () throws(TLSConnection.Failure) -> Result
  ) -> Result? {
    guard !isOver else { return nil }
    do throws(TLSConnection.Failure) {
      let result = try step()
      send(context)
      return result
    } catch {
      isOver = true
      send(context)
      context.fireErrorCaught(error)
      context.close(promise: nil)
      return nil
    }
  }

  private func send(_ context: ChannelHandlerContext) {
    let bytes = connection.takeOutgoing()
    guard !bytes.isEmpty else { return }
    let buffer = context.channel.allocator.buffer(bytes: bytes)
    context.writeAndFlush(wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
  }
}
