// PulseAudio's macros and tables of functions, as functions that Swift can call.
#pragma once
#include <errno.h>
#include <pulse/pulseaudio.h>

// Begins to connect; on failure returns -1 and the reason of the operating system in *error.
static inline int aura_pa_connect(pa_context *context, const char *server, int *error) {
  errno = 0;
  int result = pa_context_connect(context, server, PA_CONTEXT_NOAUTOSPAWN, NULL);
  *error = result < 0 ? errno : 0;
  return result;
}

static inline int aura_pa_is_monitor(const pa_source_info *source) {
  return source->monitor_of_sink != PA_INVALID_INDEX;
}

// A timer of the context's loop, at rest.
static inline pa_time_event *aura_pa_add_timer(pa_context *context, pa_time_event_cb_t callback,
                                               void *data) {
  return pa_context_rttime_new(context, PA_USEC_INVALID, callback, data);
}

// Fires the timer once, after `microseconds`; negative stops it.
static inline void aura_pa_set_timer(pa_context *context, pa_time_event *timer,
                                     int64_t microseconds) {
  pa_context_rttime_restart(
      context, timer,
      microseconds < 0 ? PA_USEC_INVALID : pa_rtclock_now() + (pa_usec_t)microseconds);
}

static inline void aura_pa_destroy_timer(pa_mainloop_api *api, pa_time_event *timer) {
  api->time_free(timer);
}

static inline int aura_pa_stream_is_good(pa_stream *stream) {
  return PA_STREAM_IS_GOOD(pa_stream_get_state(stream));
}

static inline pa_sample_spec aura_pa_format(void) {
  return (pa_sample_spec){PA_SAMPLE_FLOAT32NE, 48000, 2};
}

// Captures from `source`. It is never moved: a capture of an output must not become one of a
// microphone because the output is gone.
static inline int aura_pa_connect_record(pa_stream *stream, const char *source,
                                         uint32_t fragment_bytes) {
  const uint32_t any = (uint32_t)-1;
  pa_buffer_attr buffer = {.maxlength = any, .tlength = any, .prebuf = any, .minreq = any,
                           .fragsize = fragment_bytes};
  return pa_stream_connect_record(
      stream, source, &buffer,
      PA_STREAM_ADJUST_LATENCY | PA_STREAM_DONT_MOVE | PA_STREAM_START_UNMUTED);
}

// Plays to `sink`, and only there; NULL lets the server choose and move. Without prebuffering
// the stream goes on by itself after it has run dry, in step with the clock.
static inline int aura_pa_connect_playback(pa_stream *stream, const char *sink,
                                           uint32_t buffer_bytes) {
  const uint32_t any = (uint32_t)-1;
  pa_buffer_attr buffer = {.maxlength = any, .tlength = buffer_bytes, .prebuf = 0,
                           .minreq = buffer_bytes / 4, .fragsize = any};
  return pa_stream_connect_playback(
      stream, sink, &buffer, PA_STREAM_ADJUST_LATENCY | (sink ? PA_STREAM_DONT_MOVE : 0), NULL,
      NULL);
}

// What the sink's volume multiplies its sound by: that of its loudest channel.
static inline float aura_pa_gain(const pa_sink_info *sink) {
  return (float)pa_sw_volume_to_linear(pa_cvolume_max(&sink->volume));
}

static inline int aura_pa_is_running(const pa_sink_info *sink) {
  return sink->state == PA_SINK_RUNNING;
}

// Takes the sink's volume and mute back, so that its sound is as players give it.
static inline void aura_pa_reset_volume(pa_context *context, const pa_sink_info *sink) {
  pa_cvolume volume;
  pa_cvolume_set(&volume, sink->volume.channels, PA_VOLUME_NORM);
  pa_operation *operation =
      pa_context_set_sink_volume_by_index(context, sink->index, &volume, NULL, NULL);
  if (operation) pa_operation_unref(operation);
  operation = pa_context_set_sink_mute_by_index(context, sink->index, 0, NULL, NULL);
  if (operation) pa_operation_unref(operation);
}
