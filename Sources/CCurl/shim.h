#pragma once
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one function per type of
// argument.
static inline CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode ccurl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode ccurl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*ccurl_write_function)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode ccurl_set_write_function(CURL *handle, ccurl_write_function value) {
  return curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, value);
}
// Returns zero to continue the transfer.
typedef int (*ccurl_progress_function)(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline CURLcode ccurl_set_progress_function(CURL *handle, ccurl_progress_function value) {
  return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}
static inline CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) {
  return curl_easy_getinfo(handle, info, value);
}
// NULL if the last response had no such field at `index`, which counts those of the name from 0.
static inline const char *ccurl_header(CURL *handle, const char *name, size_t index) {
  struct curl_header *header;
  return curl_easy_header(handle, name, index, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}
// Fills the buffer with content to send: the number of bytes, 0 at the end, or CURL_READFUNC_ABORT.
typedef size_t (*ccurl_read_function)(char *buffer, size_t size, size_t count, void *context);
static inline CURLcode ccurl_set_read_function(CURL *handle, ccurl_read_function value) {
  return curl_easy_setopt(handle, CURLOPT_READFUNCTION, value);
}
// Moves to where the content is read again, after a connection was lost before a response.
static inline CURLcode ccurl_set_seek_function(CURL *handle, curl_seek_callback value) {
  return curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}
static inline CURLcode ccurl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode ccurl_set_socket_function(CURL *handle, curl_opensocket_callback value) {
  return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}
// The function runs before each request on a connection, whether new or reused.
static inline CURLcode ccurl_set_request_function(CURL *handle, curl_prereq_callback value) {
  return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, value);
}
// Copies an IP address in network byte order, and returns its length: 0 for another family.
static inline size_t ccurl_ip_address(const struct curl_sockaddr *address, unsigned char bytes[16]) {
  switch (address->family) {
  case AF_INET:
    memcpy(bytes, &((const struct sockaddr_in *)&address->addr)->sin_addr, 4);
    return 4;
  case AF_INET6:
    memcpy(bytes, &((const struct sockaddr_in6 *)&address->addr)->sin6_addr, 16);
    return 16;
  default:
    return 0;
  }
}
static inline curl_socket_t ccurl_open_socket(const struct curl_sockaddr *address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// CURLVERSION_NOW is a macro for an enumerator, which Swift does not import.
static inline const char *ccurl_version(void) { return curl_version_info(CURLVERSION_NOW)->version; }
