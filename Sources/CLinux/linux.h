/// What Swift's Glibc module does not show: epoll, eventfd, accept4, SCHED_BATCH, the allocator's settings, and the
/// question which x86-64 level this processor has.
#ifndef CLINUX_H
#define CLINUX_H

#include <linux/sched.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// accept4(2), declared by hand: asking the headers for it with _GNU_SOURCE breaks the Dispatch module.
int accept4(int descriptor, struct sockaddr *restrict address, socklen_t *restrict length, int flags);

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

#endif
