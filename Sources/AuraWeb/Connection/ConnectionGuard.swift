internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import Synchronization

/// Closes a connection at its deadline. On the event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private var deadline: ConnectionDeadline<ContinuousClock.Instant>
  private var alarm: (task: Scheduled<Void>, at: ContinuousClock.Instant)?

  private let counts: HTTPCounts
  /// Whether what is read belongs to a request that is counted already, by its answer or as refused: that
  /// its rest is missing is not counted again.
  private var isCounted = false
  private var isInRequest = false

  init(_ limits: ConnectionDeadline<ContinuousClock.Instant>.Limits, _ counts: HTTPCounts) {
    self.counts = counts
    deadline = ConnectionDeadline(limits, at: .now)
  }

  func handlerAdded(context: ChannelHandlerContext) { setAlarm(context) }

  func channelActive(context: ChannelHandlerContext) {
    setAlarm(context)
    context.fireChannelActive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    alarm?.task.cancel()
    alarm = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    alarm?.task.cancel()
    alarm = nil
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      deadline.headArrived(at: .now)
      (isInRequest, isCounted) = (true, false)
    case .body: break
    case .end:
      deadline.requestEnded()
      (isInRequest, isCounted) = (false, false)
    }
    setAlarm(context)
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is HTTPParserError, !isCounted {
      isCounted = true
      counts.malformed.wrappingAdd(1, ordering: .relaxed)
    }
    context.fireErrorCaught(error)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part = unwrapOutboundIn(data)
    let isEnd = if case .end = part { true } else { false }
    deadline.writeBegan(at: .now)
    if isEnd {
      deadline.answerEnded(at: .now)
      isCounted = isCounted || isInRequest
    }
    let promise = promise ?? context.eventLoop.makePromise()
    promise.futureResult.assumeIsolated().whenComplete { [self] _ in
      deadline.writeEnded(at: .now)
      setAlarm(context)
    }
    context.write(data, promise: promise)
    setAlarm(context)
  }

  /// Sees to it that we look again when the deadline comes; one that moves away is looked at in vain.
  private func setAlarm(_ context: ChannelHandlerContext) {
    guard context.channel.isActive, let instant = deadline.instant else { return }
    if let alarm, alarm.at <= instant { return }
    alarm?.task.cancel()
    let delay = TimeAmount(max(.zero, ContinuousClock.now.duration(to: instant)))
    let task = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
      alarm = nil
      if let instant = deadline.instant, instant <= .now {
        if !isCounted { counts.slow.wrappingAdd(1, ordering: .relaxed) }
        isCounted = true
        context.close(promise: nil)
      } else {
        setAlarm(context)
      }
    }
    alarm = (task, instant)
  }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
