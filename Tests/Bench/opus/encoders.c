// What Opus costs and what it keeps, for each packet length, complexity and way of spending bits.
//
//   cc -O2 -o encoders Tests/Bench/opus/encoders.c -lopus -lm
//   ./encoders
//
// Prints the tables of docs/measurements.md, "Opus". The sound is made here: chords that are plucked
// with a drum and noise beneath them, and castanets, whose attacks are what a transform codec likes
// least. Noise in a band is the energy of what was decoded less what was encoded, against the band's
// own; 21 bands of about one Bark, windows of 512 frames.
#include <math.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RATE 48000
#define SECONDS 20
#define FRAMES (RATE * SECONDS)
#define WINDOW 512
#define BANDS 21
#define MOST_BYTES 1160
#define RUNS 5

static const int edges[BANDS + 1] = {100,  200,  300,  400,  510,  630,  770,  920,  1080, 1270, 1480,
                                     1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 9500, 15500};

typedef struct {
  const char *name;
  int application, frames;
} profile_t;

static const profile_t profiles[] = {
    {"smooth", OPUS_APPLICATION_AUDIO, 480},
    {"low-latency", OPUS_APPLICATION_RESTRICTED_LOWDELAY, 240},
    {"stable", OPUS_APPLICATION_AUDIO, 960},
};
#define PROFILES (int)(sizeof profiles / sizeof *profiles)

static float music[2 * FRAMES], castanets[2 * FRAMES], output[2 * FRAMES + 4 * 5760];

static double uniform(void) {
  static unsigned long long state = 1;
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (double)(state >> 11) / (1ULL << 53) * 2 - 1;
}

static void make_sounds(void) {
  static const double chords[4][3] = {
      {220, 277.2, 329.6}, {196, 246.9, 293.7}, {174.6, 220, 261.6}, {164.8, 207.7, 246.9}};
  for (int n = 0; n < FRAMES; n++) {
    double t = (double)n / RATE, since = fmod(t, 0.5), left = 0, right = 0;
    const double *chord = chords[(int)(t / 2) % 4];
    for (int voice = 0; voice < 3; voice++) {
      for (int k = 1; k <= 24; k++) {
        double tone = sin(2 * M_PI * chord[voice] * k * t) * exp(-since * (2 + k)) * 0.12 / k;
        left += tone * (voice == 0 ? 0.9 : 0.5);
        right += tone * (voice == 2 ? 0.9 : 0.5);
      }
    }
    double drum = 0.4 * exp(-since * 25) * sin(2 * M_PI * 60 * since), hiss = 0.15 * exp(-fmod(t, 0.25) * 60);
    music[2 * n] = left + drum + hiss * uniform() + 0.002 * uniform();
    music[2 * n + 1] = right + drum + hiss * uniform() + 0.002 * uniform();
    double click = fmod(t, 0.171), strike = exp(-click * 180) * 0.7;
    castanets[2 * n] = strike * (uniform() * 0.4 + sin(2 * M_PI * 2400 * click)) + 0.0005 * uniform();
    castanets[2 * n + 1] = strike * (uniform() * 0.4 + sin(2 * M_PI * 3100 * click)) + 0.0005 * uniform();
  }
}

static void transform(double *re, double *im) {
  for (int i = 1, j = 0; i < WINDOW; i++) {
    int bit = WINDOW >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      double a = re[i], b = im[i];
      re[i] = re[j], im[i] = im[j], re[j] = a, im[j] = b;
    }
  }
  for (int size = 2; size <= WINDOW; size *= 2)
    for (int first = 0; first < WINDOW; first += size)
      for (int k = 0; k < size / 2; k++) {
        double c = cos(2 * M_PI * k / size), s = -sin(2 * M_PI * k / size);
        int a = first + k, b = a + size / 2;
        double x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x, im[b] = im[a] - y, re[a] += x, im[a] += y;
      }
}

static void energies(const float *a, const float *b, int channel, double *bands) {
  double re[WINDOW], im[WINDOW] = {0};
  for (int n = 0; n < WINDOW; n++)
    re[n] = (a[2 * n + channel] - (b ? b[2 * n + channel] : 0)) * (0.5 - 0.5 * cos(2 * M_PI * n / WINDOW));
  transform(re, im);
  memset(bands, 0, BANDS * sizeof *bands);
  for (int k = 1, band = 0; k < WINDOW / 2; k++) {
    double hertz = (double)k * RATE / WINDOW;
    while (band < BANDS && hertz >= edges[band + 1]) band++;
    if (band == BANDS) break;
    if (hertz >= edges[0]) bands[band] += re[k] * re[k] + im[k] * im[k];
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Mean and worst twentieth of the noise in bands that sound, in dB.
static void noise(const float *input, const float *decoded, int lag, double *mean, double *worst) {
  static double values[2 * BANDS * (FRAMES / 256)];
  int count = 0;
  double sum = 0;
  for (int n = RATE; n + WINDOW + lag < FRAMES; n += 256)
    for (int channel = 0; channel < 2; channel++) {
      double sound[BANDS], off[BANDS];
      energies(input + 2 * n, NULL, channel, sound);
      energies(decoded + 2 * (n + lag), input + 2 * n, channel, off);
      for (int band = 0; band < BANDS; band++) {
        if (sound[band] < 1e-3) continue;
        values[count] = 10 * log10((off[band] + 1e-12) / sound[band]);
        sum += values[count++];
      }
    }
  qsort(values, count, sizeof *values, ascending);
  *mean = sum / count;
  *worst = values[(int)(0.95 * count)];
}

typedef struct {
  double micros, mean_bytes, noise_mean, noise_worst;
  int shortest, longest, celt, lookahead;
} result_t;

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

enum { CBR, CONSTRAINED, VBR };

static result_t run(const profile_t *profile, int bitrate, int complexity, int mode, const float *input) {
  result_t result = {.shortest = 1 << 20, .micros = 1e9};
  static unsigned char packets[FRAMES / 240][MOST_BYTES];
  static int lengths[FRAMES / 240];
  int count = FRAMES / profile->frames, status;
  for (int turn = 0; turn < RUNS; turn++) {
    OpusEncoder *encoder = opus_encoder_create(RATE, 2, profile->application, &status);
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
    opus_encoder_ctl(encoder, OPUS_SET_VBR(mode != CBR));
    opus_encoder_ctl(encoder, OPUS_SET_VBR_CONSTRAINT(mode == CONSTRAINED));
    opus_encoder_ctl(encoder, OPUS_SET_FORCE_CHANNELS(2));
    opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&result.lookahead));
    double start = seconds();
    for (int n = 0; n < count; n++)
      lengths[n] = opus_encode_float(
          encoder, input + 2 * n * profile->frames, profile->frames, packets[n], MOST_BYTES);
    double micros = (seconds() - start) / count * 1e6;
    if (micros < result.micros) result.micros = micros;
    opus_encoder_destroy(encoder);
  }
  OpusDecoder *decoder = opus_decoder_create(RATE, 2, &status);
  for (int n = 0; n < count; n++) {
    float *to = output + 2 * n * profile->frames;
    if (opus_decode_float(decoder, packets[n], lengths[n], to, profile->frames, 0) < 0) exit(1);
    result.mean_bytes += (double)lengths[n] / count;
    if (lengths[n] < result.shortest) result.shortest = lengths[n];
    if (lengths[n] > result.longest) result.longest = lengths[n];
    if (packets[n][0] & 0x80) result.celt++;
  }
  opus_decoder_destroy(decoder);
  result.celt = 100 * result.celt / count;
  noise(input, output, result.lookahead, &result.noise_mean, &result.noise_worst);
  return result;
}

int main(void) {
  static const int complexities[] = {0, 2, 5, 8, 9, 10};
  static const int bitrates[] = {32000, 64000, 96000, 128000, 256000, 510000};
  static const char *modes[] = {"constant", "constrained", "free"};
  make_sounds();
  printf("%s\n\n", opus_get_version_string());
  printf("| profile | complexity | us a packet | processor, ms/s | music: noise mean / worst 5 %%, dB "
         "| castanets: noise mean / worst 5 %%, dB |\n|---|---|---|---|---|---|\n");
  for (int p = 0; p < PROFILES; p++)
    for (int c = 0; c < 6; c++) {
      result_t a = run(&profiles[p], 128000, complexities[c], CONSTRAINED, music);
      result_t b = run(&profiles[p], 128000, complexities[c], CONSTRAINED, castanets);
      double micros = a.micros > b.micros ? a.micros : b.micros;
      printf("| %s | %d | %.0f | %.1f | %.1f / %.1f | %.1f / %.1f |\n", profiles[p].name, complexities[c],
             micros, micros * RATE / profiles[p].frames / 1000, a.noise_mean, a.noise_worst, b.noise_mean,
             b.noise_worst);
    }
  printf("\n| profile | rate | sound | bytes: shortest / mean / longest | noise mean / worst 5 %%, dB |\n"
         "|---|---|---|---|---|\n");
  for (int p = 0; p < PROFILES; p++)
    for (int sound = 0; sound < 2; sound++)
      for (int mode = CBR; mode <= VBR; mode++) {
        result_t r = run(&profiles[p], 128000, 10, mode, sound ? castanets : music);
        printf("| %s | %s | %s | %d / %.0f / %d | %.1f / %.1f |\n", profiles[p].name, modes[mode],
               sound ? "castanets" : "music", r.shortest, r.mean_bytes, r.longest, r.noise_mean, r.noise_worst);
      }
  printf("\n| profile | bitrate, kbit/s | got | longest, bytes | us a packet | CELT only, %% | noise mean / "
         "worst 5 %%, dB |\n|---|---|---|---|---|---|---|\n");
  for (int p = 0; p < PROFILES; p++)
    for (int b = 0; b < 6; b++) {
      result_t r = run(&profiles[p], bitrates[b], 10, CONSTRAINED, music);
      printf("| %s | %d | %.0f | %d | %.0f | %d | %.1f / %.1f |\n", profiles[p].name, bitrates[b] / 1000,
             r.mean_bytes * 8 * RATE / profiles[p].frames / 1000, r.longest, r.micros, r.celt, r.noise_mean,
             r.noise_worst);
    }
  return 0;
}
