// PipeWire's macros and variadic functions, as functions that Swift can call.
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <pipewire/pipewire.h>
#include <pipewire/extensions/metadata.h>
#include <spa/param/audio/format-utils.h>
#include <spa/param/latency-utils.h>
#include <spa/param/props.h>
#include <spa/utils/json.h>

// The library itself says nothing, unless somebody asks it to (PIPEWIRE_DEBUG).
static inline void aura_pw_start(void) {
  pw_init(NULL, NULL);
  if (getenv("PIPEWIRE_DEBUG") == NULL) pw_log_set_level(SPA_LOG_LEVEL_NONE);
}

// A context whose audio thread gets real-time priority: by default only since 1.3.81.
static inline struct pw_context *aura_pw_make_context(struct pw_loop *loop) {
  int major = 0, minor = 0, micro = 0;
  sscanf(pw_get_library_version(), "%d.%d.%d", &major, &minor, &micro);
  struct pw_context *context = NULL;
  if ((major * 1000 + minor) * 1000 + micro < 1003081)
    context = pw_context_new(loop, pw_properties_new(PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  return context ? context : pw_context_new(loop, NULL, 0);
}

// Connects; on failure returns NULL and the reason in *error (an errno).
static inline struct pw_core *aura_pw_connect(struct pw_context *context, int *error) {
  struct pw_core *core = pw_context_connect(context, NULL, 0);
  *error = core ? 0 : errno;
  return core;
}

// Whether a Unix socket can be connected to: 0 or the errno.
static inline int aura_probe_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) return errno;
  int error = connect(socket_, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
  close(socket_);
  return error;
}

static inline void aura_pw_core_add_listener(struct pw_core *core, struct spa_hook *hook,
                                             const struct pw_core_events *events, void *data) {
  pw_core_add_listener(core, hook, events, data);
}

static inline int aura_pw_core_sync(struct pw_core *core, int sequence) {
  return pw_core_sync(core, PW_ID_CORE, sequence);
}

static inline struct pw_registry *aura_pw_core_get_registry(struct pw_core *core) {
  return pw_core_get_registry(core, PW_VERSION_REGISTRY, 0);
}

static inline void aura_pw_registry_add_listener(struct pw_registry *registry,
                                                 struct spa_hook *hook,
                                                 const struct pw_registry_events *events,
                                                 void *data) {
  pw_registry_add_listener(registry, hook, events, data);
}

static inline struct pw_metadata *aura_pw_bind_metadata(struct pw_registry *registry,
                                                        uint32_t id) {
  return (struct pw_metadata *)pw_registry_bind(registry, id, PW_TYPE_INTERFACE_Metadata,
                                                PW_VERSION_METADATA, 0);
}

static inline void aura_pw_metadata_add_listener(struct pw_metadata *metadata,
                                                 struct spa_hook *hook,
                                                 const struct pw_metadata_events *events,
                                                 void *data) {
  pw_metadata_add_listener(metadata, hook, events, data);
}

static inline void aura_pw_destroy_proxy(void *proxy) {
  pw_proxy_destroy((struct pw_proxy *)proxy);
}

// Sets or, without a value, clears a property of the core in a metadata object.
static inline int aura_pw_metadata_set(struct pw_metadata *metadata, const char *key,
                                       const char *type, const char *value) {
  return pw_metadata_set_property(metadata, PW_ID_CORE, key, value ? type : NULL, value);
}

// Connects a stream as 48 kHz stereo float32, interleaved; its callback runs on the data thread.
// One that is a device itself is not to be connected to others.
static inline int aura_pw_stream_connect(struct pw_stream *stream, enum pw_direction direction,
                                         bool is_device) {
  uint8_t space[512];
  struct spa_pod_builder b = SPA_POD_BUILDER_INIT(space, sizeof space);
  struct spa_audio_info_raw raw = {.format = SPA_AUDIO_FORMAT_F32, .rate = 48000, .channels = 2,
                                   .position = {SPA_AUDIO_CHANNEL_FL, SPA_AUDIO_CHANNEL_FR}};
  const struct spa_pod *format = spa_format_audio_raw_build(&b, SPA_PARAM_EnumFormat, &raw);
  return pw_stream_connect(
      stream, direction, PW_ID_ANY,
      (is_device ? 0 : PW_STREAM_FLAG_AUTOCONNECT) | PW_STREAM_FLAG_MAP_BUFFERS
          | PW_STREAM_FLAG_RT_PROCESS,
      &format, 1);
}

static inline int aura_pw_stream_time(struct pw_stream *stream, struct pw_time *time) {
  return pw_stream_get_time_n(stream, time, sizeof *time);
}

// Tells those who play into the stream how long their sound takes to be heard. What counts is the
// latency of the stream's input side; its ProcessLatency is passed on to nobody.
static inline int aura_pw_stream_claim(struct pw_stream *stream, int64_t nanoseconds) {
  uint8_t space[512];
  struct spa_pod_builder b = SPA_POD_BUILDER_INIT(space, sizeof space);
  struct spa_latency_info info = SPA_LATENCY_INFO(SPA_DIRECTION_INPUT, .min_ns = nanoseconds,
                                                  .max_ns = nanoseconds);
  const struct spa_pod *param = spa_latency_build(&b, SPA_PARAM_Latency, &info);
  return pw_stream_update_params(stream, &param, 1);
}

// Asks for cycles of so many frames from now on; nothing happens where that is what was asked for last.
static inline void aura_pw_stream_ask(struct pw_stream *stream, int frames, int rate) {
  char value[32];
  snprintf(value, sizeof value, "%d/%d", frames, rate);
  const struct pw_properties *known = pw_stream_get_properties(stream);
  const char *asked = known ? pw_properties_get(known, PW_KEY_NODE_LATENCY) : NULL;
  if (asked && strcmp(asked, value) == 0) return;
  struct spa_dict_item item = SPA_DICT_ITEM_INIT(PW_KEY_NODE_LATENCY, value);
  pw_stream_update_properties(stream, &SPA_DICT_INIT(&item, 1));
}

// On the audio thread: gives every buffer back unheard.
static inline void aura_pw_discard(struct pw_stream *stream) {
  struct pw_buffer *buffer;
  while ((buffer = pw_stream_dequeue_buffer(stream))) pw_stream_queue_buffer(stream, buffer);
}

// The sound in a buffer of interleaved float32 frames; NULL when it is empty or broken.
static inline const float *aura_pw_sound(const struct pw_buffer *buffer, int channels,
                                         int *frames) {
  *frames = 0;
  if (!buffer->buffer || buffer->buffer->n_datas == 0) return NULL;
  const struct spa_data *data = &buffer->buffer->datas[0];
  if (!data->data || !data->chunk) return NULL;
  uint32_t offset = SPA_MIN(data->chunk->offset, data->maxsize);
  *frames = (int)(SPA_MIN(data->chunk->size, data->maxsize - offset) / (channels * sizeof(float)));
  return *frames ? (const float *)((const uint8_t *)data->data + offset) : NULL;
}

// What one buffer holds, and how many frames are in this and in the newer buffers, and in the newest.
typedef void (*aura_pw_deliver)(void *context, const float *samples, int frames,
                                int frames_to_end, int newest_frames);

// On the audio thread: gives every buffer that is there to `deliver`, oldest first.
// In C because Swift makes up a type's metadata (and allocates) when it first needs an array here.
static inline void aura_pw_drain(struct pw_stream *stream, int channels, aura_pw_deliver deliver,
                                 void *context) {
  struct pw_buffer *buffers[32];
  int count = 0, frames = 0, to_end = 0;
  while (count < 32 && (buffers[count] = pw_stream_dequeue_buffer(stream))) {
    aura_pw_sound(buffers[count++], channels, &frames);
    to_end += frames;
  }
  const int newest = frames;
  for (int i = 0; i < count; i++) {
    const float *samples = aura_pw_sound(buffers[i], channels, &frames);
    if (samples) deliver(context, samples, frames, to_end, newest);
    to_end -= frames;
    pw_stream_queue_buffer(stream, buffers[i]);
  }
}

static inline struct spa_source *aura_pw_add_timer(struct pw_loop *loop,
                                                   spa_source_timer_func_t callback, void *data) {
  return pw_loop_add_timer(loop, callback, data);
}

// Fires the timer once, after `milliseconds`; more than 0.
static inline void aura_pw_set_timer(struct pw_loop *loop, struct spa_source *timer,
                                     int milliseconds) {
  struct timespec after = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  pw_loop_update_timer(loop, timer, &after, NULL, false);
}

static inline void aura_pw_destroy_timer(struct pw_loop *loop, struct spa_source *timer) {
  pw_loop_destroy_source(loop, timer);
}

// The "name" of a JSON object such as { "name": "alsa_output.usb" }; 0 when it has none.
static inline int aura_pw_json_name(const char *json, char *name, int size) {
  struct spa_json outer, object;
  char key[32];
  const char *value;
  spa_json_init(&outer, json, strlen(json));
  if (spa_json_enter_object(&outer, &object) <= 0) return 0;
  while (spa_json_get_string(&object, key, sizeof key) > 0) {
    if (strcmp(key, "name") == 0) return spa_json_get_string(&object, name, size) > 0;
    if (spa_json_next(&object, &value) <= 0) return 0;
  }
  return 0;
}
