#pragma once
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Functions for OpenSSL's macros with arguments, which Swift does not import. Each returns its macro's value.

static inline int copenssl_set_min_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version);
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *list) {
  return SSL_CTX_set1_groups_list(context, list);
}

// The names of the options are macros with arguments as well, so they are listed here.
static inline void copenssl_set_server_options(SSL_CTX *context) {
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
}

static inline long copenssl_set_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_mode(context, mode);
}

static inline long copenssl_clear_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_clear_mode(context, mode);
}

static inline long copenssl_set_session_cache_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_session_cache_mode(context, mode);
}

// The context keeps a reference of its own to the certificate.
static inline int copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// If `keys` is NULL, the number of bytes that the keys take.
static inline long copenssl_get_ticket_keys(SSL_CTX *context, void *keys, long length) {
  return SSL_CTX_get_tlsext_ticket_keys(context, keys, length);
}

static inline long copenssl_set_ticket_keys(SSL_CTX *context, void *keys, long length) {
  return SSL_CTX_set_tlsext_ticket_keys(context, keys, length);
}

static inline size_t copenssl_memory_contents(BIO *memory, char **bytes) {
  long count = BIO_get_mem_data(memory, bytes);
  return count > 0 ? (size_t)count : 0;
}

// The allocated size of the BIO, whether used or not.
static inline size_t copenssl_memory_capacity(BIO *memory) {
  BUF_MEM *buffer = NULL;
  BIO_get_mem_ptr(memory, &buffer);
  return buffer == NULL ? 0 : buffer->max;
}

static inline int copenssl_memory_clear(BIO *memory) {
  return BIO_reset(memory);
}

// Sets the result of reading an empty BIO: -1 to retry later, 0 for end of file.
static inline void copenssl_memory_set_end(BIO *memory, int result) {
  BIO_set_mem_eof_return(memory, result);
}

// The bytes of the alternative name at `index` if it is a dNSName, else NULL. Typed stacks are macros.
static inline const unsigned char *copenssl_dns_name(const GENERAL_NAMES *names, int index, size_t *count) {
  if (index >= sk_GENERAL_NAME_num(names)) return NULL;
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  if (name->type != GEN_DNS) return NULL;
  *count = (size_t)ASN1_STRING_length(name->d.dNSName);
  return ASN1_STRING_get0_data(name->d.dNSName);
}

static inline int copenssl_name_count(const GENERAL_NAMES *names) {
  return sk_GENERAL_NAME_num(names);
}
