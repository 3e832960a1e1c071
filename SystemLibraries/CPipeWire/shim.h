// PipeWire's macros and variadic functions, as functions that Swift can call.
#pragma once
#include <errno.h>
#include <pipewire/pipewire.h>
#include <pipewire/extensions/metadata.h>
#include <spa/debug/types.h>
#include <spa/param/audio/format-utils.h>
#include <spa/param/audio/type-info.h>
#include <spa/utils/json.h>

// Connects; on failure returns NULL and the reason in *error (an errno).
static inline struct pw_core *aura_pw_connect(struct pw_context *context, int *error) {
  struct pw_core *core = pw_context_connect(context, NULL, 0);
  *error = core ? 0 : errno;
  return core;
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

static inline struct pw_node *aura_pw_bind_node(struct pw_registry *registry, uint32_t id) {
  return (struct pw_node *)pw_registry_bind(registry, id, PW_TYPE_INTERFACE_Node,
                                            PW_VERSION_NODE, 0);
}

// A link between two ports that lives as long as the returned proxy.
static inline struct pw_proxy *aura_pw_create_link(struct pw_core *core,
                                                   const struct pw_properties *properties) {
  return (struct pw_proxy *)pw_core_create_object(core, "link-factory", PW_TYPE_INTERFACE_Link,
                                                  PW_VERSION_LINK, &properties->dict, 0);
}

static inline void aura_pw_destroy_proxy(void *proxy) {
  pw_proxy_destroy((struct pw_proxy *)proxy);
}

// The number of a channel called "FL", "MONO", "AUX3"...
static inline uint32_t aura_pw_channel(const char *name) {
  for (int i = 0; spa_type_audio_channel[i].name; i++)
    if (strcmp(spa_debug_type_short_name(spa_type_audio_channel[i].name), name) == 0)
      return spa_type_audio_channel[i].type;
  return SPA_AUDIO_CHANNEL_UNKNOWN;
}

// Gives a stream's node one port for each of the channels; it mixes between them and its format.
static inline int aura_pw_set_ports(struct pw_node *node, enum spa_direction direction,
                                    const uint32_t *channels, uint32_t count) {
  uint8_t space[1024];
  struct spa_pod_builder b = SPA_POD_BUILDER_INIT(space, sizeof space);
  struct spa_audio_info_raw raw = {.format = SPA_AUDIO_FORMAT_F32P, .rate = 48000};
  raw.channels = SPA_MIN(count, (uint32_t)SPA_AUDIO_MAX_CHANNELS);
  for (uint32_t i = 0; i < raw.channels; i++) raw.position[i] = channels[i];
  struct spa_pod *format = spa_format_audio_raw_build(&b, SPA_PARAM_Format, &raw);
  struct spa_pod *config = (struct spa_pod *)spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_ParamPortConfig, SPA_PARAM_PortConfig,
      SPA_PARAM_PORT_CONFIG_direction, SPA_POD_Id(direction),
      SPA_PARAM_PORT_CONFIG_mode, SPA_POD_Id(SPA_PARAM_PORT_CONFIG_MODE_dsp),
      SPA_PARAM_PORT_CONFIG_format, SPA_POD_Pod(format));
  return pw_node_set_param(node, SPA_PARAM_PortConfig, 0, config);
}

// Connects a stream as 48 kHz stereo float32, interleaved.
static inline int aura_pw_stream_connect(struct pw_stream *stream, enum pw_direction direction,
                                         uint32_t flags) {
  uint8_t space[512];
  struct spa_pod_builder b = SPA_POD_BUILDER_INIT(space, sizeof space);
  struct spa_audio_info_raw raw = {.format = SPA_AUDIO_FORMAT_F32, .rate = 48000, .channels = 2,
                                   .position = {SPA_AUDIO_CHANNEL_FL, SPA_AUDIO_CHANNEL_FR}};
  const struct spa_pod *format = spa_format_audio_raw_build(&b, SPA_PARAM_EnumFormat, &raw);
  return pw_stream_connect(stream, direction, PW_ID_ANY, (enum pw_stream_flags)flags, &format, 1);
}

static inline int aura_pw_stream_time(struct pw_stream *stream, struct pw_time *time) {
  return pw_stream_get_time_n(stream, time, sizeof *time);
}

static inline struct spa_source *aura_pw_add_timer(struct pw_loop *loop,
                                                   spa_source_timer_func_t callback, void *data) {
  return pw_loop_add_timer(loop, callback, data);
}

// Fires the timer once, after `milliseconds`.
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
  int length;
  spa_json_init(&outer, json, strlen(json));
  if (spa_json_enter_object(&outer, &object) <= 0) return 0;
  while (spa_json_get_string(&object, key, sizeof key) > 0) {
    if (strcmp(key, "name") == 0) return spa_json_get_string(&object, name, size) > 0;
    if (spa_json_next(&object, &value) <= 0) return 0;
  }
  return 0;
}
