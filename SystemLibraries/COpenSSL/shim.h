// OpenSSL 3, and as functions what it has only as macros.
#pragma once
#include <stdint.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#endif

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

// SHA-1 whose state can be copied. EVP's digests allocate twice for each HMAC (measured with
// 3.0: 360 ns and two allocations, against 147 ns and none), so these old ones, deprecated but kept.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline int aura_sha1_begin(SHA_CTX *state) { return SHA1_Init(state); }
static inline int aura_sha1_add(SHA_CTX *state, const void *bytes, size_t count) {
  return SHA1_Update(state, bytes, count);
}
static inline int aura_sha1_finish(SHA_CTX *state, unsigned char *digest) {
  return SHA1_Final(digest, state);
}
#pragma clang diagnostic pop

static inline EVP_PKEY *aura_new_p256_key(void) { return EVP_EC_gen("P-256"); }

// What all DTLS handshakes have in common; 1 or, where OpenSSL refuses, 0. Nothing is
// kept to resume; `largest` bounds a handshake message, in bytes.
static inline int aura_configure_dtls(SSL_CTX *context, const char *groups, long largest) {
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, largest);
  return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set1_groups_list(context, groups) == 1;
}

// What all TLS connections of ours have in common; 1 or, where OpenSSL refuses, 0. The trusted certificates are the
// system's file and folder of them, or what SSL_CERT_FILE and SSL_CERT_DIR name in their places; a server's own may be among them.
static inline int aura_configure_tls(SSL_CTX *context) {
  static const unsigned char http[] = "\x08http/1.1";
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_alpn_protos(context, http, sizeof http - 1) == 0 &&
         X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
         SSL_CTX_set_default_verify_paths(context) == 1;
}

// The name that a server with several of them is asked for; 1 or 0.
static inline int aura_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Bytes that wait in a buffer.
static inline long aura_bio_pending(BIO *bio) { return (long)BIO_ctrl_pending(bio); }

// The largest UDP payload, in bytes.
static inline int aura_set_mtu(SSL *ssl, long bytes) { return SSL_set_mtu(ssl, bytes) == bytes; }

// A DTLS connection keeps the buffer of its handshake messages until its end, in case the last flight must be sent
// again: 21 KB, a third of what a listener takes, and no call gives it back. What is in it is not read again: a
// flight is copied into it before it is sent. So the pages of a buffer that we know of can be given back
// to the system; they read as zeros after that. We know of it from OpenSSL's allocations being ours.

#ifdef __GLIBC__
// What SSL3_RT_MAX_PLAIN_LENGTH becomes in BUF_MEM_grow.
#define AURA_HANDSHAKE_BUFFER ((SSL3_RT_MAX_PLAIN_LENGTH + 3) / 3 * 4)

// Stands behind such a buffer, as long as it lives: who wants to know where it is.
struct aura_buffer_mark {
  uint64_t seal;
  void **owner;
};

// What makes a seal ours. Other blocks of that size hold what strangers sent, and a mark leads to a write: so
// nobody outside may be able to make one up, nor one copied elsewhere be taken for ours.
static inline uint64_t *aura_buffer_secret(void) {
  static uint64_t secret;
  return &secret;
}

static inline uint64_t aura_buffer_seal(const void *block) {
  return *aura_buffer_secret() ^ (uint64_t)(uintptr_t)block;
}

// Who is told of the next buffer that this thread makes. Only one source file may use what follows.
static inline void ***aura_buffer_owner(void) {
  static _Thread_local void **owner;
  return &owner;
}

// Gives back the whole pages of a buffer that is not needed for now.
static inline void aura_give_back_buffer(void *block) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)block;
  uintptr_t first = (begin + page - 1) / page * page;
  uintptr_t end = (begin + AURA_HANDSHAKE_BUFFER) / page * page;
  if (first < end) madvise((void *)first, end - first, MADV_DONTNEED);
}

// Before such a buffer goes or moves; whether it is one.
static inline int aura_forget_buffer(void *block) {
  struct aura_buffer_mark *mark;
  if (malloc_usable_size(block) < AURA_HANDSHAKE_BUFFER + sizeof *mark) return 0;
  mark = (struct aura_buffer_mark *)((char *)block + AURA_HANDSHAKE_BUFFER);
  if (mark->seal != aura_buffer_seal(block)) return 0;
  mark->seal = 0;
  *mark->owner = NULL;
  return 1;
}

static inline void *aura_openssl_malloc(size_t size, const char *file, int line) {
  (void)file, (void)line;
  if (size == 0) return NULL;
  void **owner = *aura_buffer_owner();
  if (size != AURA_HANDSHAKE_BUFFER || !owner || *owner) return malloc(size);
  struct aura_buffer_mark *mark;
  char *block = malloc(size + sizeof *mark);
  if (!block) return NULL;
  mark = (struct aura_buffer_mark *)(block + size);
  *mark = (struct aura_buffer_mark){aura_buffer_seal(block), owner};
  return *owner = block;
}

static inline void aura_openssl_free(void *block, const char *file, int line) {
  (void)file, (void)line;
  if (!block) return;
  // OpenSSL has written zeros over all of it.
  if (aura_forget_buffer(block)) aura_give_back_buffer(block);
  free(block);
}

static inline void *aura_openssl_realloc(void *block, size_t size, const char *file, int line) {
  if (!block) return aura_openssl_malloc(size, file, line);
  if (size == 0) {
    aura_openssl_free(block, file, line);
    return NULL;
  }
  aura_forget_buffer(block);
  return realloc(block, size);
}

// Makes OpenSSL's allocations ours, before it has made any; 1, or 0 where it was too late for that, or there is
// no secret to be had.
static inline int aura_own_openssl_memory(void) {
  uint64_t *secret = aura_buffer_secret();
  if (getrandom(secret, sizeof *secret, 0) != (ssize_t)sizeof *secret) return 0;
  return CRYPTO_set_mem_functions(aura_openssl_malloc, aura_openssl_realloc, aura_openssl_free);
}

// Whether the next handshake's buffer that this thread makes is to be told to `owner`; NULL: to nobody. `owner` must
// live as long as the buffer, and is NULL again when that is gone.
static inline void aura_watch_buffer(void **owner) { *aura_buffer_owner() = owner; }

#else
static inline int aura_own_openssl_memory(void) { return 0; }
static inline void aura_watch_buffer(void **owner) { (void)owner; }
static inline void aura_give_back_buffer(void *block) { (void)block; }
#endif

static inline void aura_bio_wants_more(BIO *bio) { BIO_set_retry_read(bio); }
static inline void aura_bio_is_done(BIO *bio) { BIO_clear_retry_flags(bio); }
