internal import AuraStream
internal import AuraTransport
internal import AuraWeb

extension Broadcast.Statistics {
  /// As `/metrics` tells it.
  var metrics: [Metric] { soundMetrics + listenerMetrics + refusalMetrics }

  private var soundMetrics: [Metric] {
    [
      Metric("media_seconds_total", .counter, "Media time since the beginning.", media.inSeconds),
      Metric(
        "missing_seconds_total", .counter, "Sound that was never captured.", missing.inSeconds),
      Metric("discarded_seconds_total", .counter, "Sound thrown away, old.", discarded.inSeconds),
      Metric("level_decibels", .gauge, "The level, relative to full scale.", decibels),
      Metric(
        "lost_levels_total", .counter, "Milliseconds whose level is not told.", lostLevels),
      Metric(
        "send_delay_seconds", .gauge, "From a frame's capture until all WebRTC packets are sent.",
        webRTC.sendDelay?.inSeconds ?? 0),
    ]
  }

  private var listenerMetrics: [Metric] {
    [
      Metric(
        "listeners", .gauge, "Who hears.", by: "transport",
        [("webrtc", webRTC.playing), ("tcp", server.clients)]),
      Metric("joins_unfinished", .gauge, "Joins on their way.", webRTC.unfinished),
      Metric(
        "listeners_total", .counter, "Who has ever heard.", by: "transport",
        [("webrtc", webRTC.listenersServed), ("tcp", server.clientsServed)]),
      Metric(
        "bytes_sent_total", .counter, "Handed to the system.", by: "transport",
        [("webrtc", webRTC.bytesSent), ("tcp", server.bytesSent)]),
      Metric(
        "ends_total", .counter, "WebRTC listeners and joins that ended.", by: "reason",
        webRTC.ends.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
    ]
  }

  private var refusalMetrics: [Metric] {
    [
      Metric(
        "refused_total", .counter, "Who was not let in.", by: "reason",
        [
          ("full", webRTC.refusedFull), ("busy", webRTC.refusedBusy),
          ("offer", webRTC.refusedOffers), ("tcp", server.clientsRefused),
        ]),
      Metric(
        "dropped_total", .counter, "Sound that was not sent: the system or a queue was full.",
        by: "what",
        [
          ("packets", webRTC.dropped), ("chunks", server.droppedChunks + server.overflowedChunks),
          ("requests", webRTC.droppedSignals),
        ]),
      Metric(
        "moved_chunks_total", .counter,
        "Chunks of the original protocol that a change of film mode's delay left out, or sent again.",
        by: "how", [("skipped", server.skippedChunks), ("repeated", server.repeatedChunks)]),
      Metric(
        "ignored_datagrams_total", .counter, "Datagrams thrown away.", by: "reason",
        [
          ("stranger", webRTC.strangers), ("malformed", webRTC.drops.malformed),
          ("unauthentic", webRTC.drops.unauthentic), ("unexpected", webRTC.drops.unexpected),
          ("withheld", webRTC.drops.withheld),
        ]),
    ]
  }
}
