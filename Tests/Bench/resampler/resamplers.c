// Measures the resamplers Debian has: quality, delay and cost at a fixed and at a varying ratio.
//
//   cc -O2 -o resamplers Tests/Bench/resampler/resamplers.c -lsamplerate -lsoxr -lspeexdsp -lm
//   ./resamplers
//
// Needs libsamplerate0-dev, libsoxr-dev, libspeexdsp-dev. Prints two Markdown tables.
#include <math.h>
#include <samplerate.h>
#include <soxr.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHANNELS = 2, BLOCK = 480, OUT_ROOM = 4096 };

typedef enum { LSR, SPEEX, SOXR_FIXED, SOXR_SMALL, SOXR_SHORT, SOXR_VARIABLE } Kind;
typedef struct { const char *name; Kind kind; int quality; } Candidate;

static const Candidate candidates[] = {
  {"samplerate sinc fastest", LSR, SRC_SINC_FASTEST},
  {"samplerate sinc medium", LSR, SRC_SINC_MEDIUM_QUALITY},
  {"samplerate sinc best", LSR, SRC_SINC_BEST_QUALITY},
  {"speex 3", SPEEX, 3},
  {"speex 5", SPEEX, 5},
  {"speex 7", SPEEX, 7},
  {"speex 8", SPEEX, 8},
  {"speex 10", SPEEX, 10},
  {"soxr MQ", SOXR_FIXED, SOXR_MQ},
  {"soxr HQ", SOXR_FIXED, SOXR_HQ},
  {"soxr MQ, small DFT", SOXR_SMALL, SOXR_MQ},
  {"soxr HQ, small DFT", SOXR_SMALL, SOXR_HQ},
  {"soxr HQ, small DFT, wide transition", SOXR_SHORT, SOXR_HQ},
  {"soxr HQ variable", SOXR_VARIABLE, SOXR_HQ},
};

typedef struct {
  Kind kind;
  int from, to;
  double ratio;  // output frames per input frame
  SRC_STATE *lsr;
  SpeexResamplerState *speex;
  soxr_t soxr;
} Converter;

static Converter converter_new(Candidate candidate, int from, int to) {
  Converter c = {.kind = candidate.kind, .from = from, .to = to, .ratio = (double)to / from};
  int error = 0;
  soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  switch (candidate.kind) {
  case LSR:
    c.lsr = src_new(candidate.quality, CHANNELS, &error);
    break;
  case SPEEX:
    c.speex = speex_resampler_init(CHANNELS, from, to, candidate.quality, &error);
    break;
  case SOXR_FIXED: {
    soxr_quality_spec_t q = soxr_quality_spec(candidate.quality, 0);
    c.soxr = soxr_create(from, to, CHANNELS, NULL, &io, &q, NULL);
    break;
  }
  case SOXR_SMALL:  // the smallest transforms it allows: less delay, more work
  case SOXR_SHORT: {  // and the shortest filter whose aliases stay above 20 kHz
    soxr_quality_spec_t q = soxr_quality_spec(candidate.quality, 0);
    if (candidate.kind == SOXR_SHORT) { q.passband_end = 0.907; q.stopband_begin = 1.05; }
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    runtime.log2_min_dft_size = runtime.log2_large_dft_size = 8;
    c.soxr = soxr_create(from, to, CHANNELS, NULL, &io, &q, &runtime);
    break;
  }
  case SOXR_VARIABLE: {
    soxr_quality_spec_t q = soxr_quality_spec(candidate.quality, SOXR_VR);
    c.soxr = soxr_create(2, 1, CHANNELS, NULL, &io, &q, NULL);  // the largest ratio allowed
    soxr_set_io_ratio(c.soxr, 1 / c.ratio, 0);
    break;
  }
  }
  if (!c.lsr && !c.speex && !c.soxr) { fprintf(stderr, "%s: cannot start\n", candidate.name); exit(1); }
  return c;
}

static void converter_delete(Converter *c) {
  if (c->lsr) src_delete(c->lsr);
  if (c->speex) speex_resampler_destroy(c->speex);
  if (c->soxr) soxr_delete(c->soxr);
}

// `correction` > 1 makes more output.
static void converter_set(Converter *c, double correction) {
  c->ratio = (double)c->to / c->from * correction;
  // speexdsp 1.2.1 refuses denominators whose square overflows 32 bits, so steps are 23 ppm.
  if (c->kind == SPEEX)
    if (speex_resampler_set_rate_frac(c->speex, (unsigned)lrint(c->from / correction),
                                      (unsigned)c->to, c->from, c->to)) exit(2);
  if (c->kind == SOXR_VARIABLE) soxr_set_io_ratio(c->soxr, 1 / c->ratio, BLOCK);
}

// Gives a block in, appends what comes out at `out`; returns frames appended.
static size_t converter_run(Converter *c, const float *in, size_t frames, float *out) {
  size_t done = 0;
  if (c->kind == LSR) {
    // The ratio glides to a new value over the room given, so the first room is one block's.
    long room = (long)ceil((double)frames * c->ratio);
    while (1) {
      SRC_DATA d = {.data_in = in, .data_out = out + done * CHANNELS, .input_frames = (long)frames,
                    .output_frames = room, .src_ratio = c->ratio};
      if (src_process(c->lsr, &d)) exit(1);
      in += d.input_frames_used * CHANNELS; frames -= (size_t)d.input_frames_used;
      done += (size_t)d.output_frames_gen;
      if (frames == 0 && d.output_frames_gen < room) break;
      room = OUT_ROOM;
    }
  } else if (c->kind == SPEEX) {
    while (frames > 0) {
      spx_uint32_t used = (spx_uint32_t)frames, made = OUT_ROOM;
      speex_resampler_process_interleaved_float(c->speex, in, &used, out + done * CHANNELS, &made);
      in += used * CHANNELS; frames -= used; done += made;
    }
  } else {
    while (1) {
      size_t used = 0, made = 0;
      soxr_process(c->soxr, in, frames, &used, out + done * CHANNELS, OUT_ROOM, &made);
      in += used * CHANNELS; frames -= used; done += made;
      if (frames == 0 && made < OUT_ROOM) break;
    }
  }
  return done;
}

// --- measuring ---

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

typedef struct { double amplitude, phase, residual; } Fit;

// Least squares fit of a sine of known frequency to the left channel.
static Fit fit(const float *x, size_t first, size_t count, double hz, double rate) {
  double ss = 0, sc = 0, cc = 0, sx = 0, cx = 0, xx = 0;
  for (size_t i = first; i < first + count; i++) {
    double w = 2 * M_PI * fmod(hz / rate * (double)i, 1.0), s = sin(w), c = cos(w), v = x[i * CHANNELS];
    ss += s * s; sc += s * c; cc += c * c; sx += s * v; cx += c * v; xx += v * v;
  }
  double det = ss * cc - sc * sc, a = (sx * cc - cx * sc) / det, b = (cx * ss - sx * sc) / det;
  double rest = xx - a * sx - b * cx;
  return (Fit){hypot(a, b), atan2(b, a), sqrt(fmax(rest, 1e-30) / (double)count)};
}

static float *tone(double hz, double rate, size_t frames) {
  float *x = malloc(frames * CHANNELS * sizeof *x);
  for (size_t i = 0; i < frames; i++)
    x[i * CHANNELS] = x[i * CHANNELS + 1] = (float)(0.5 * sin(2 * M_PI * fmod(hz / rate * (double)i, 1.0)));
  return x;
}

static double dB(double x) { return 20 * log10(fmax(x, 1e-15)); }

typedef struct { double gain, phase, snr, heldMost; } Response;

static Response respond(Candidate candidate, int from, int to, double hz, size_t block) {
  size_t frames = (size_t)from * 2, made = 0;
  float *in = tone(hz, from, frames), *out = calloc((size_t)to * 3 * CHANNELS, sizeof *out);
  Converter c = converter_new(candidate, from, to);
  Response r = {0};
  for (size_t i = 0; i + block <= frames; i += block) {
    made += converter_run(&c, in + i * CHANNELS, block, out + made * CHANNELS);
    double held = (double)(i + block) - (double)made / c.ratio;
    if (i > frames / 2 && held > r.heldMost) r.heldMost = held;
  }
  converter_delete(&c);
  Fit f = fit(out, (size_t)to / 2, (size_t)to, hz, to);
  r.gain = f.amplitude / 0.5;
  r.phase = f.phase;
  r.snr = dB(0.5 / sqrt(2) / f.residual);
  free(in); free(out);
  return r;
}

// By how many input frames sound is later in the output than its place in the count says.
static double shift_frames(Candidate candidate, int from, int to) {
  double delay = 0, previous = 0;
  for (double hz = 20; hz <= 2000; hz *= 2) {  // each octave refines the last, phase unwrapped
    double cycles = -respond(candidate, from, to, hz, BLOCK).phase / (2 * M_PI);
    cycles += round(previous * hz - cycles);
    delay = previous = cycles / hz;
  }
  return delay * from;
}

static void fixed_row(Candidate candidate, int from, int to) {
  double low = 1e9, high = -1e9, snr16 = 1e9, snr20 = 1e9, corner = 0, alias = -1e9;
  for (double hz = 60; hz < fmin(from, to) / 2.0 - 100; hz += 497) {
    Response r = respond(candidate, from, to, hz, BLOCK);
    if (hz <= 16000) { low = fmin(low, dB(r.gain)); high = fmax(high, dB(r.gain)); snr16 = fmin(snr16, r.snr); }
    if (hz <= 20000) snr20 = fmin(snr20, r.snr);
    if (dB(r.gain) > -3) corner = hz;
  }
  // What is above the new band should be gone. At these rates it folds to 20.1-22 kHz, so nobody
  // hears it; `sin` at `hz` and at `to - hz` are the same samples, so the fit finds it.
  for (double hz = 23000; from > to && hz < 24000; hz += 97)
    alias = fmax(alias, dB(respond(candidate, from, to, hz, BLOCK).gain));
  double shift = shift_frames(candidate, from, to);
  Response small = respond(candidate, from, to, 1000, 240), big = respond(candidate, from, to, 1000, 1024);
  float *in = tone(997, from, (size_t)from), *out = calloc((size_t)to * 2 * CHANNELS, sizeof *out);
  Converter c = converter_new(candidate, from, to);
  double start = cpu_seconds();
  int rounds = 20;
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i + BLOCK <= from; i += BLOCK) converter_run(&c, in + (size_t)i * CHANNELS, BLOCK, out);
  double cost = (cpu_seconds() - start) / rounds;
  converter_delete(&c);
  free(in); free(out);
  char folded[32] = "-";
  if (from > to) snprintf(folded, sizeof folded, "%.0f", alias);
  printf("| %s | %d>%d | %.3f | %.0f | %.0f / %.0f | %s | %.1f | %.1f / %.1f | %.2f / %.2f | %.2f |\n",
         candidate.name, from, to, high - low, corner, snr16, snr20, folded, shift,
         small.heldMost, big.heldMost, (shift + small.heldMost) * 1e3 / from,
         (shift + big.heldMost) * 1e3 / from, cost * 1e3);
  fflush(stdout);
}

// The strongest component and all power further than `guard` Hz from the strongest bin, in dB
// below the tone, in the worst window of 4096 frames (7-term Blackman-Harris, main lobe 82 Hz).
static void sidebands(const float *x, size_t frames, double rate, double guard, double *spur, double *rest) {
  enum { N = 4096 };
  static double re[N], im[N];
  *spur = *rest = -1e9;
  for (size_t at = (size_t)rate / 4; at + N <= frames; at += N / 2) {
    for (int i = 0; i < N; i++) {
      double p = 2 * M_PI * i / N;
      double w = 0.27105140069342 - 0.43329793923448 * cos(p) + 0.21812299954311 * cos(2 * p) -
                 0.06592544638803 * cos(3 * p) + 0.01081174209837 * cos(4 * p) -
                 0.00077658482522 * cos(5 * p) + 0.00001388721735 * cos(6 * p);
      re[i] = x[(at + (size_t)i) * CHANNELS] * w; im[i] = 0;
    }
    for (int i = 1, j = 0; i < N; i++) {
      int bit = N >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) { double t = re[i]; re[i] = re[j]; re[j] = t; t = im[i]; im[i] = im[j]; im[j] = t; }
    }
    for (int len = 2; len <= N; len <<= 1)
      for (int k = 0; k < len / 2; k++) {
        double wr = cos(2 * M_PI * k / len), wi = -sin(2 * M_PI * k / len);
        for (int i = k; i < N; i += len) {
          int j = i + len / 2;
          double tr = re[j] * wr - im[j] * wi, ti = re[j] * wi + im[j] * wr;
          re[j] = re[i] - tr; im[j] = im[i] - ti; re[i] += tr; im[i] += ti;
        }
      }
    int peak = 1;
    for (int i = 0; i <= N / 2; i++) if (hypot(re[i], im[i]) > hypot(re[peak], im[peak])) peak = i;
    double carrier = 0, other = 0, most = 0;
    for (int i = 0; i <= N / 2; i++) {
      double power = re[i] * re[i] + im[i] * im[i];
      if (abs(i - peak) * rate / N <= guard) carrier += power;
      else { other += power; most = fmax(most, sqrt(power)); }
    }
    *spur = fmax(*spur, dB(most / hypot(re[peak], im[peak])));
    *rest = fmax(*rest, dB(sqrt(other / carrier)));
  }
}

// A correction of +-0.1 % that changes every block, a 0.5 Hz sine.
static void varying_row(Candidate candidate, int from, int to, size_t block) {
  const double tones[] = {1000, 10000};
  double spur[2], rest[2], setter = 0, cost = 0, drift = 0, swing = 0;
  size_t calls = 0;
  for (int t = 0; t < 2; t++) {
    size_t frames = (size_t)from * 6, made = 0;
    float *in = tone(tones[t], from, frames), *out = calloc((size_t)to * 7 * CHANNELS, sizeof *out);
    Converter c = converter_new(candidate, from, to);
    double ideal = 0, settled = 0, least = 1e9, most = -1e9, began = cpu_seconds();
    for (size_t i = 0; i + block <= frames; i += block) {
      double before = cpu_seconds();
      converter_set(&c, 1 + 0.001 * sin(2 * M_PI * 0.5 * (double)i / from));
      setter += cpu_seconds() - before; calls++;
      made += converter_run(&c, in + i * CHANNELS, block, out + made * CHANNELS);
      ideal += (double)block * c.ratio;
      double held = ideal - (double)made;
      if (i > frames / 4) {
        if (settled == 0) settled = held;
        least = fmin(least, held); most = fmax(most, held);
      }
      drift = held - settled;
    }
    swing = most - least;
    cost += (cpu_seconds() - began) / 12;
    converter_delete(&c);
    sidebands(out, made, to, 150, &spur[t], &rest[t]);
    free(in); free(out);
  }
  printf("| %s | %d>%d | %zu | %.0f / %.0f | %.0f / %.0f | %.1f | %.2f | %.1f / %.1f |\n", candidate.name,
         from, to, block,
         spur[0], rest[0], spur[1], rest[1], setter / (double)calls * 1e6, cost * 1e3, drift, swing);
  fflush(stdout);
}

int main(void) {
  size_t count = sizeof candidates / sizeof *candidates;
  printf("%s, %s, speexdsp has no version call\n\n", src_get_version(), soxr_version());
  printf("| fixed ratio | rates | ripple to 16 kHz, dB | -3 dB, Hz | SNR to 16 / 20 kHz, dB | "
         "alias of 23-24 kHz, dB | shift, frames | held with 240 / 1024, frames | "
         "delay with 240 / 1024, ms | processor, ms/s |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < count; i++) {
    fixed_row(candidates[i], 48000, 44100);
    fixed_row(candidates[i], 44100, 48000);
  }
  printf("\n| varying +-0.1 %% | rates | block | 1 kHz spur / rest, dB | 10 kHz spur / rest, dB | "
         "setter, us | processor, ms/s | frames lost / wander |\n|---|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < count; i++) {
    Kind kind = candidates[i].kind;
    if (kind == SOXR_FIXED || kind == SOXR_SMALL || kind == SOXR_SHORT) continue;
    varying_row(candidates[i], 44100, 48000, 480);
    varying_row(candidates[i], 44100, 48000, 1024);
    varying_row(candidates[i], 48000, 48000, 480);
  }
  return 0;
}
