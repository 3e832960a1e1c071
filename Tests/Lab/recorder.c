// Records the channels that are linked to it, float32 and interleaved, as the graph had them:
//   recorder NODE CHANNELS FILE
// Where it was itself too late for a cycle the file has silence, so that all that follows stays in its place; at
// the end it prints every such hole, its first frame and its length.
//   cc -O2 recorder.c -o recorder $(pkg-config --cflags --libs libpipewire-0.3) -lpthread
#include <pthread.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/param/audio/format-utils.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RATE = 48000, ROOM = 1 << 18, LONGEST = 1 << 14, MOST_HOLES = 1 << 16, MOST_CHANNELS = 64 };

static struct pw_main_loop *loop;
static struct pw_stream *stream;
static int channels, wakes;
static FILE *file;
// One writer, the audio thread, and one reader; in frames.
static float *ring;
static atomic_size_t written, taken;
static atomic_bool ends;
static struct { size_t first, frames; } holes[MOST_HOLES];
static atomic_int hole_count;
static uint64_t last_ticks;
static int64_t last_frames;
// Sound after a hole, kept until the next call has told how long the hole is.
static float *kept;
static size_t kept_frames;
static int64_t missed;

static void append(const float *samples, size_t frames) {
  size_t at = atomic_load(&written);
  if (at + frames - atomic_load(&taken) > ROOM) {
    fprintf(stderr, "recorder: nobody wrote for five seconds\n");
    _exit(1);
  }
  for (size_t frame = 0; frame < frames; frame++) {
    float *place = ring + (at + frame) % ROOM * channels;
    if (samples) memcpy(place, samples + frame * channels, channels * sizeof *place);
    else memset(place, 0, channels * sizeof *place);
  }
  atomic_store(&written, at + frames);
}

static void release(void) {
  int count = atomic_load(&hole_count);
  if (missed > 0 && count < MOST_HOLES) {
    holes[count].first = atomic_load(&written);
    holes[count].frames = missed;
    atomic_store(&hole_count, count + 1);
    append(NULL, missed);
  }
  append(kept, kept_frames);
  missed = kept_frames = 0;
}

// The graph's count says how many frames went by without us. A call may have the sound of two cycles; and who is
// late may be called twice in the same cycle, and has missed less.
static void note_missed(int64_t frames) {
  struct pw_time time;
  if (pw_stream_get_time_n(stream, &time, sizeof time) != 0 || time.rate.denom == 0) return;
  if (kept_frames) {
    if (time.ticks == last_ticks) missed -= frames;
    release();
  }
  if (last_ticks && time.ticks > last_ticks) {
    int64_t passed = (int64_t)(time.ticks - last_ticks) * time.rate.num * RATE / time.rate.denom;
    missed = passed - SPA_MAX(frames, last_frames);
    if (missed < 32 || missed > RATE || frames > LONGEST) missed = 0;
  }
  last_ticks = time.ticks;
  last_frames = frames;
}

static const float *sound(struct pw_buffer *buffer, size_t *frames) {
  struct spa_data *data = &buffer->buffer->datas[0];
  *frames = data->data ? data->chunk->size / (channels * sizeof(float)) : 0;
  return (const float *)((const char *)data->data + data->chunk->offset);
}

static void process(void *context) {
  (void)context;
  struct pw_buffer *buffers[32];
  int count = 0;
  size_t frames, all = 0;
  while (count < 32 && (buffers[count] = pw_stream_dequeue_buffer(stream))) {
    sound(buffers[count++], &frames);
    all += frames;
  }
  if (all) note_missed(all);
  for (int i = 0; i < count; i++) {
    const float *samples = sound(buffers[i], &frames);
    if (frames && missed) {
      memcpy(kept + kept_frames * channels, samples, frames * channels * sizeof *kept);
      kept_frames += frames;
    } else if (frames) {
      append(samples, frames);
    }
    pw_stream_queue_buffer(stream, buffers[i]);
  }
  eventfd_write(wakes, 1);
}

static void *write_out(void *context) {
  (void)context;
  for (bool is_last = false; !is_last;) {
    eventfd_t times;
    eventfd_read(wakes, &times);
    is_last = atomic_load(&ends);
    size_t from = atomic_load(&taken), to = atomic_load(&written);
    while (from < to) {
      size_t part = SPA_MIN(to - from, ROOM - from % ROOM);
      if (fwrite(ring + from % ROOM * channels, channels * sizeof(float), part, file) != part) {
        perror("recorder");
        _exit(1);
      }
      from += part;
      atomic_store(&taken, from);
    }
    fflush(file);
  }
  return NULL;
}

static void quit(void *context, int signal_number) {
  (void)context, (void)signal_number;
  pw_main_loop_quit(loop);
}

static const struct pw_stream_events events = {PW_VERSION_STREAM_EVENTS, .process = process};

int main(int argc, char **argv) {
  channels = argc == 4 ? atoi(argv[2]) : 0;
  if (channels < 1 || channels > MOST_CHANNELS || !(file = fopen(argv[3], "wb"))) {
    fprintf(stderr, "usage: recorder NODE CHANNELS FILE\n");
    return 2;
  }
  ring = calloc((size_t)ROOM * channels, sizeof *ring);
  kept = calloc((size_t)LONGEST * channels, sizeof *kept);
  wakes = eventfd(0, EFD_CLOEXEC);
  pw_init(&argc, &argv);
  loop = pw_main_loop_new(NULL);
  pw_loop_add_signal(pw_main_loop_get_loop(loop), SIGINT, quit, NULL);
  pw_loop_add_signal(pw_main_loop_get_loop(loop), SIGTERM, quit, NULL);
  struct pw_context *context = pw_context_new(
      pw_main_loop_get_loop(loop), pw_properties_new(PW_KEY_CONFIG_NAME, "client-rt.conf", NULL), 0);
  struct pw_core *core = context ? pw_context_connect(context, NULL, 0) : NULL;
  if (!ring || !kept || wakes < 0 || !core) {
    perror("recorder");
    return 1;
  }
  // No short cycles are asked for: the meter must not change what all others get.
  stream = pw_stream_new(core, argv[1], pw_properties_new(
      PW_KEY_MEDIA_TYPE, "Audio", PW_KEY_MEDIA_CATEGORY, "Capture", PW_KEY_NODE_NAME, argv[1],
      PW_KEY_NODE_AUTOCONNECT, "false", PW_KEY_NODE_LATENCY, "1024/48000", NULL));
  struct spa_hook hook = {0};
  pw_stream_add_listener(stream, &hook, &events, NULL);
  struct spa_audio_info_raw raw = {.format = SPA_AUDIO_FORMAT_F32, .rate = RATE, .channels = channels};
  for (int i = 0; i < channels; i++) raw.position[i] = SPA_AUDIO_CHANNEL_AUX0 + i;
  uint8_t space[1024];
  struct spa_pod_builder builder = SPA_POD_BUILDER_INIT(space, sizeof space);
  const struct spa_pod *format = spa_format_audio_raw_build(&builder, SPA_PARAM_EnumFormat, &raw);
  if (pw_stream_connect(stream, PW_DIRECTION_INPUT, PW_ID_ANY,
                        PW_STREAM_FLAG_MAP_BUFFERS | PW_STREAM_FLAG_RT_PROCESS, &format, 1) < 0) {
    fprintf(stderr, "recorder: no stream\n");
    return 1;
  }
  pthread_t writer;
  pthread_create(&writer, NULL, write_out, NULL);
  pw_main_loop_run(loop);
  pw_stream_destroy(stream);
  if (kept_frames) release();
  atomic_store(&ends, true);
  eventfd_write(wakes, 1);
  pthread_join(writer, NULL);
  int count = atomic_load(&hole_count);
  for (int i = 0; i < count; i++) printf("hole %zu %zu\n", holes[i].first, holes[i].frames);
  return fclose(file) == 0 ? 0 : 1;
}
