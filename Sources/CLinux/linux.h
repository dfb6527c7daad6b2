/// What Swift's Glibc module does not show: epoll, eventfd, accept4, socket filters and memory, ioctl, SCHED_BATCH, stacks,
/// the allocator's settings, and the questions which x86-64 level this processor has and what it costs.
#ifndef CLINUX_H
#define CLINUX_H

#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/// accept4(2), declared by hand: asking the headers for it with _GNU_SOURCE breaks the Dispatch module.
int accept4(int descriptor, struct sockaddr *restrict address, socklen_t *restrict length, int flags);

/// Declared by hand, as accept4 is.
int pthread_setattr_default_np(const pthread_attr_t *attributes);

/// Gives each thread that is made from now on a stack of this many bytes, unless its maker says otherwise.
static inline void clinux_set_stack_bytes(size_t bytes) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  if (pthread_attr_setstacksize(&attributes, bytes) == 0) (void)pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

/// How many bytes written to a TCP socket have not been acknowledged; -1 where the kernel does not tell.
static inline int clinux_unacknowledged_bytes(int descriptor) {
  int count = 0;
  return ioctl(descriptor, SIOCOUTQ, &count) == 0 ? count : -1;
}

/// The highest x86-64 microarchitecture level with vector kernels here that this processor has: 1, 3 or 4; elsewhere 0.
static inline int clinux_x86_64_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 4;
  if (__builtin_cpu_supports("x86-64-v3")) return 3;
  return 1;
#else
  return 0;
#endif
}

/// Whether 512-bit vectors lower this processor's clock: AVX-512's first generation, which lacks VBMI2 (Skylake-SP, Cascade
/// Lake), while Ice Lake, Zen 4 and later ones have it.
static inline bool clinux_wide_vectors_slow_down(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("x86-64-v4") && !__builtin_cpu_supports("avx512vbmi2");
#else
  return false;
#endif
}

#endif
