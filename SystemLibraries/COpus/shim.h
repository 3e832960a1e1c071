// opus_encoder_ctl takes variable arguments, which Swift cannot pass.
#pragma once
#include <opus.h>

// A setting with one number: OPUS_SET_BITRATE_REQUEST and its like.
static inline int aura_opus_set(OpusEncoder *encoder, int request, opus_int32 value) {
  return opus_encoder_ctl(encoder, request, value);
}

// Frames by which what is decoded lags behind what was encoded; below zero on failure.
static inline opus_int32 aura_opus_lookahead(OpusEncoder *encoder) {
  opus_int32 frames = 0;
  int status = opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(&frames));
  return status == OPUS_OK ? frames : status;
}

static inline int aura_opus_reset_decoder(OpusDecoder *decoder) {
  return opus_decoder_ctl(decoder, OPUS_RESET_STATE);
}
